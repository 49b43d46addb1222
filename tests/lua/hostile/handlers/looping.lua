-- Guard: handlers
-- Attack: message handlers of xpcall that do not return, for an error and for the stop itself
-- Runs as: evaluation
-- Limits: cpu_ms = 150
-- Ends: refused cpu "stopped after 150 ms of CPU (cpu_ms): handlers/looping.lua:"

local function loop() while true do end end
while true do
  xpcall(error, loop)
  xpcall(loop, loop)
end
