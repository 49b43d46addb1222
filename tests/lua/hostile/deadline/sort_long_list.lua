-- Guard: deadline
-- Attack: sorts a list of millions without a comparator: one long call of C
-- Runs as: evaluation
-- Limits: cpu_ms = 200, memory_mb = 128
-- Ends: refused cpu "stopped after 200 ms of CPU (cpu_ms): deadline/sort_long_list.lua:"

local list = {}
for index = 1, 4e6 do list[index] = index * 7919 % 4000037 end
while true do pcall(table.sort, list) end
