-- Guard: deadline
-- Attack: walks a table of a million scattered keys, which C code sorts first, again and again
-- Runs as: evaluation
-- Limits: cpu_ms = 300, memory_mb = 192
-- Ends: refused cpu "stopped after 300 ms of CPU (cpu_ms): deadline/sorted_keys.lua:"

local scattered = {}
for index = 1, 1e6 do scattered[index * 7919 % 1000003 * 1000 + 0.5] = true end
while true do
  pcall(function() for _ in pairs(scattered) do break end end)
end
