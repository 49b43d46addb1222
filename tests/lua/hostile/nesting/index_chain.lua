-- Guard: nesting
-- Attack: tables whose __index is the next table, thousands of them and in a circle
-- Runs as: evaluation
-- Ends: kept

local last = { found = true }
for _ = 1, 10000 do last = setmetatable({}, { __index = last, __newindex = last }) end
local circle = {}
setmetatable(circle, { __index = circle, __newindex = circle })
for _, content in ipairs({ last, circle }) do
  local ok, problem = pcall(function() return content.found end)
  assert(not ok and problem:find("loop in gettable", 1, true), problem)
  ok, problem = pcall(function() content.found = 1 end)
  assert(not ok and problem:find("loop in settable", 1, true), problem)
end
return true
