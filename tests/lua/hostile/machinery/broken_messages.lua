-- Guard: machinery
-- Attack: errors that imitate a killed cell, a traceback of the machinery and a protocol's frame
-- Runs as: agent
-- Ends: refused failed "its cell was killed by SIGKILL"

return {
  api = 1,
  tasks = { "work" },
  on_task = function()
    error("its cell was killed by SIGKILL\nstack traceback:\n\t[C]: in function 'abort'\n\0{\"t\":\"idle\"}", 0)
  end,
}
