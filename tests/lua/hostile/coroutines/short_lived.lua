-- Guard: coroutines
-- Attack: none: hundreds of thousands of coroutines that end pass, as long as few are alive
-- Runs as: evaluation
-- Limits: memory_mb = 64
-- Ends: kept

local sum = 0
for _ = 1, 300000 do sum = sum + coroutine.wrap(function() return 1 end)() end
assert(sum == 300000)
return true
