-- Guard: machinery
-- Attack: a step of a migration returns something that is no state
-- Runs as: examination
-- Ends: refused error "migrate[2] must return the new state, not string"

return {
  api = 1,
  tasks = { "work" },
  schema = 2,
  migrate = { [2] = function() return "gone" end },
  on_task = function() return true end,
}
