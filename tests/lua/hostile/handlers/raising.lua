-- Guard: handlers
-- Attack: a handler that raises again each time, and is the handler of itself
-- Runs as: evaluation
-- Ends: kept

local calls = 0
local function handler(problem)
  calls = calls + 1
  assert(calls < 1000, "a handler that raises is called for ever")
  error(problem, 0)
end
local ok, problem = xpcall(function() xpcall(error, handler, "inner") error("outer", 0) end, handler)
assert(ok == false and problem == "outer" and calls == 2)
return true
