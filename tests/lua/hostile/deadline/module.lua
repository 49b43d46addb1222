-- Guard: deadline
-- Attack: a module that does not come to its end when it is required
-- Runs as: module
-- Limits: cpu_ms = 150
-- Ends: refused cpu "stopped after 150 ms of CPU (cpu_ms): deadline/module.lua:"

while true do pcall(function() repeat until false end) end
