-- Guard: handlers
-- Attack: a handler that needs a deep stack itself, for the error of a stack that is full
-- Runs as: evaluation
-- Ends: kept

local function overflow() return overflow() + 1 end
local function dive(depth) return depth == 0 and 0 or 1 + dive(depth - 1) end
local ok, depth = xpcall(overflow, function(problem)
  assert(problem:find("stack overflow", 1, true), problem)
  return dive(5000)
end)
assert(ok == false and depth == 5000, "the handler ran on top of the full stack: " .. tostring(depth))
return true
