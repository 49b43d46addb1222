-- Guard: memory
-- Attack: coroutines that each wait at the bottom of a deep recursion
-- Runs as: evaluation
-- Limits: memory_mb = 16
-- Ends: refused memory "not enough memory: the cap is 16 MB"

local function dive(depth)
  if depth == 0 then coroutine.yield() return 0 end
  return 1 + dive(depth - 1)
end
local held = {}
while true do
  local thread = coroutine.create(dive)
  assert(coroutine.resume(thread, 2000))
  held[#held + 1] = thread
end
