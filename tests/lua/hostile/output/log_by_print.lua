-- Guard: output
-- Attack: floods the host's log by print, in megabytes and out of coroutines
-- Runs as: agent
-- Ends: refused failed "output/log_by_print.lua:13: clade.log: more than 262144 bytes logged without a wait"

return {
  api = 1,
  tasks = { "work" },
  on_task = function()
    local line = ("x"):rep(1e5)
    assert(not pcall(print, line:rep(50)))
    coroutine.wrap(function()
      while true do print(line) end
    end)()
  end,
}
