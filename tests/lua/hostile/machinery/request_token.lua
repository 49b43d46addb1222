-- Guard: machinery
-- Attack: resumes a strand to be given the machinery's own mark of a request, to yield that
-- Runs as: agent
-- Ends: refused failed "coroutine.yield was called outside of a coroutine of the script's own"

local clade = clade
return {
  api = 1,
  tasks = { "work" },
  on_task = function()
    local thread
    clade.all({
      function()
        thread = coroutine.running()
        pcall(clade.queue.get, "q1")
      end,
      function()
        local _, mark = coroutine.resume(thread, true, 1)
        coroutine.yield(mark)
      end,
    })
  end,
}
