-- Guard: handlers
-- Attack: fails with a table whose __tostring loops
-- Runs as: agent
-- Ends: refused failed "(error value: a table)"

return {
  api = 1,
  tasks = { "work" },
  on_task = function()
    error(setmetatable({}, { __tostring = function() while true do end end }))
  end,
}
