-- Guard: environment
-- Attack: __gc on tables and weak tables, to run when nobody expects a script
-- Runs as: evaluation
-- Ends: kept

local finalized = 0
local weak = setmetatable({}, { __mode = "kv" })
for index = 1, 20000 do
  weak[index] = setmetatable({ ("x"):rep(1000) .. index }, { __gc = function() finalized = finalized + 1 end })
end
local before = collectgarbage("count")
assert(before < 32 * 1024)
assert(finalized == 0, "a finalizer was run")
return true
