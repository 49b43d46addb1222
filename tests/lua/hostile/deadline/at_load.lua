-- Guard: deadline
-- Attack: an agent's chunk that never returns its table
-- Runs as: agent
-- Limits: slice_ms = 150
-- Ends: refused failed "stopped after 150 ms without a wait (slice_ms): deadline/at_load.lua:"

local agent = { api = 1, tasks = { "work" }, on_task = function() end }
while agent do pcall(function() while true do end end) end
return agent
