-- Guard: machinery
-- Attack: yields to the machinery from the handler itself, as if it asked the host
-- Runs as: agent
-- Ends: refused failed "coroutine.yield was called outside of a coroutine of the script's own"

return {
  api = 1,
  tasks = { "work" },
  on_task = function()
    local request = { t = "call", op = "queue.add", args = {} }
    return coroutine.yield(request, true, "forged")
  end,
}
