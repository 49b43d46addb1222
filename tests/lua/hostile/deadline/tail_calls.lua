-- Guard: deadline
-- Attack: two functions that call each other in tail position for ever
-- Runs as: evaluation
-- Limits: cpu_ms = 150
-- Ends: refused cpu "stopped after 150 ms of CPU (cpu_ms): deadline/tail_calls.lua:"

local ping
local function pong(count) return ping(count + 1) end
function ping(count) return pong(count + 1) end
while true do pcall(ping, 0) end
