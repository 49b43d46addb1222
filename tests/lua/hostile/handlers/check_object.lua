-- Guard: handlers
-- Attack: a check that refuses the state for a reason whose text is an error
-- Runs as: agent
-- Ends: refused failed "no reason"

return {
  api = 1,
  tasks = { "work" },
  on_task = function() return true end,
  check = function()
    return false, setmetatable({}, { __tostring = function() error("no reason") end })
  end,
}
