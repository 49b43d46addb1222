-- Guard: machinery
-- Attack: a migration returns something that is no state
-- Runs as: migration
-- Ends: refused failed "migrate must return the new state, not string"

return {
  api = 1,
  tasks = { "work" },
  migrate = function() return "gone" end,
  on_task = function() return true end,
}
