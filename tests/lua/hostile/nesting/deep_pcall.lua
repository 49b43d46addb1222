-- Guard: nesting
-- Attack: pcall in pcall in pcall, by functions of Lua and by itself
-- Runs as: evaluation
-- Limits: memory_mb = 64
-- Ends: kept

local depth = 0
local function dive()
  depth = depth + 1
  local ok, problem = pcall(dive)
  if not ok then error(problem, 0) end
end
local ok, problem = pcall(dive)
assert(not ok and problem:find("stack overflow", 1, true), "pcall within pcall had no end")
assert(depth > 100 and depth < 1e6)
local list = {}
for index = 1, 5000 do list[index] = pcall end
assert(pcall(unpack(list)) ~= nil)
return true
