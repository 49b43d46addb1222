-- Guard: machinery
-- Attack: goes on in a coroutine that a former strand left behind, when that strand has ended
-- Runs as: agent
-- Ends: kept

local clade = clade
return {
  api = 1,
  tasks = { "work" },
  on_task = function()
    local kept
    clade.all({
      function()
        kept = coroutine.create(function()
          coroutine.yield()
          return clade.queue.get("q1")
        end)
        assert(coroutine.resume(kept))
      end,
    })
    local ok, problem = coroutine.resume(kept)
    assert(not ok and problem:find("cannot be called inside a coroutine of your own", 1, true), problem)
    return true
  end,
}
