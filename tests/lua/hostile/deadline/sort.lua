-- Guard: deadline
-- Attack: comparators that never come to an end, as a function and as a metamethod
-- Runs as: evaluation
-- Limits: cpu_ms = 150
-- Ends: refused cpu "stopped after 150 ms of CPU (cpu_ms): deadline/sort.lua:"

local meta = { __lt = function() while true do end end }
local list = { setmetatable({}, meta), setmetatable({}, meta) }
while true do
  pcall(table.sort, list)
  pcall(table.sort, { 3, 2, 1 }, function() repeat until false end)
end
