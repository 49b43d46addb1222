-- Guard: deadline
-- Attack: sorts references to two strings of megabytes that differ in their last letter: one long call of C
-- Runs as: evaluation
-- Limits: cpu_ms = 200
-- Ends: refused cpu "stopped after 200 ms of CPU (cpu_ms): deadline/sort_long_strings.lua:"

local same = ("x"):rep(4e6)
local first, second = same .. "a", same .. "b"
local list = {}
for index = 1, 1e5 do list[index] = index % 2 == 0 and first or second end
table.sort(list)
