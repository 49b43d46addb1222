-- Guard: memory
-- Attack: a list of closures, each with an upvalue of its own
-- Runs as: evaluation
-- Limits: memory_mb = 16
-- Ends: refused memory "not enough memory: the cap is 16 MB"

local held = {}
local function counter()
  local count = 0
  return function() count = count + 1 return count end
end
while true do held[#held + 1] = counter() end
