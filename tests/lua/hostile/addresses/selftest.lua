-- Guard: addresses
-- Attack: a selftest that fails with a table as its reason
-- Runs as: selftest
-- Ends: refused error "its selftest failed: selftest: table"

return { api = 1, tasks = { "work" }, on_task = function() end, selftest = function() return false, {} end }
