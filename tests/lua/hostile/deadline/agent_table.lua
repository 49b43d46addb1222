-- Guard: deadline
-- Attack: an agent's table that answers every question about it by a loop
-- Runs as: agent
-- Limits: slice_ms = 150
-- Ends: refused failed "stopped after 150 ms without a wait (slice_ms): deadline/agent_table.lua:"

return setmetatable({}, { __index = function() while true do end end })
