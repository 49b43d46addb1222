-- Guard: deadline
-- Attack: a `check` of the state that never says whether it is in order
-- Runs as: agent
-- Limits: slice_ms = 150
-- Ends: refused failed "stopped after 150 ms without a wait (slice_ms): deadline/check.lua:"

return {
  api = 1,
  tasks = { "work" },
  on_task = function(self) self.state.done = true end,
  check = function(state)
    while state.done do pcall(function() repeat until false end) end
    return true
  end,
}
