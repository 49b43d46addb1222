-- Guard: coroutines
-- Attack: keeps every coroutine alive that it can make
-- Runs as: evaluation
-- Limits: memory_mb = 64
-- Ends: refused error "more than 10000 coroutines would be alive at the same time"

local held = {}
while true do
  held[#held + 1] = coroutine.create(coroutine.yield)
  coroutine.resume(held[#held])
end
