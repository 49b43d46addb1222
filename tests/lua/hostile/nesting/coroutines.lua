-- Guard: nesting
-- Attack: a coroutine in a coroutine in a coroutine, by wrap and by resume in turn
-- Runs as: evaluation
-- Ends: refused error "coroutines are nested deeper than 100 levels"

local function dive(depth)
  if depth % 2 == 0 then return coroutine.wrap(dive)(depth + 1) end
  local ok, problem = coroutine.resume(coroutine.create(dive), depth + 1)
  if not ok then error(problem, 0) end
  return problem
end
return dive(1)
