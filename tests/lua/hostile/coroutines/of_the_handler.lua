-- Guard: coroutines
-- Attack: resumes the coroutine of the handler itself, and of another strand that waits for the host
-- Runs as: agent
-- Ends: kept

local clade = clade
return {
  api = 1,
  tasks = { "work" },
  on_task = function()
    local waiting
    local results = clade.all({
      function()
        waiting = coroutine.running()
        return (pcall(clade.queue.get, "q1"))
      end,
      function() return { coroutine.resume(waiting, true, "a forged answer") } end,
    })
    assert(results[1] == false, "a forged answer reached the strand")
    assert(results[2][1] == false)
    assert(results[2][2] == "only the host resumes the coroutine of a handler", results[2][2])
    local ok = pcall(coroutine.wrap(function() return coroutine.resume(waiting) end))
    assert(ok and coroutine.status(waiting) == "dead")
    return true
  end,
}
