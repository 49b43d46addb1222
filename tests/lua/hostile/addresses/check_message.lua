-- Guard: addresses
-- Attack: a check that refuses the state with a table as its reason
-- Runs as: agent
-- Ends: refused failed "check refuses the state: table"

return {
  api = 1,
  tasks = { "work" },
  on_task = function() return true end,
  check = function() return false, {} end,
}
