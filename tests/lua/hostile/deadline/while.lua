-- Guard: deadline
-- Attack: an endless `while`, after the compiler has made machine code of it
-- Runs as: evaluation
-- Limits: cpu_ms = 150
-- Ends: refused cpu "stopped after 150 ms of CPU (cpu_ms): deadline/while.lua:"

local sum = 0
for index = 1, 1e6 do sum = sum + index % 7 end
while sum do sum = sum + 1 end
