-- Guard: deadline
-- Attack: a selftest that never ends, and catches what stops it
-- Runs as: selftest
-- Limits: slice_ms = 150
-- Ends: refused wall "its selftest failed: stopped after 150 ms (check_ms): deadline/selftest.lua:"

return {
  api = 1,
  tasks = { "work" },
  on_task = function() end,
  selftest = function() while true do pcall(function() while true do end end) end end,
}
