-- Guard: loading
-- Attack: sources that are slow to compile: labels, gotos, locals and constants without number
-- Runs as: evaluation
-- Limits: cpu_ms = 500, memory_mb = 64
-- Ends: refused cpu "stopped after 500 ms of CPU (cpu_ms): loading/slow_sources.lua:"

local function listed(count, template)
  local lines = {}
  for index = 1, count do lines[index] = template:format(index, index) end
  return table.concat(lines, "\n")
end
local labels, gotos = listed(50000, "::a%d::"), listed(30000, "goto a%d") .. listed(20000, "::a%d::")
local constants = "return {" .. listed(40000, "'k%d', %d.5,") .. "}"
while true do
  load(labels)
  load(gotos)
  load(constants)
end
