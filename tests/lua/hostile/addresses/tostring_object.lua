-- Guard: addresses
-- Attack: a __tostring that returns a table, whose address string.format and print would show
-- Runs as: evaluation
-- Ends: kept

local value = setmetatable({}, { __tostring = function() return {} end })
for _, show in ipairs({ tostring, print, function(shown) return string.format("%s", shown) end }) do
  local ok, problem = pcall(show, value)
  assert(not ok and problem:find("__tostring must return a string, not a table", 1, true), problem)
  assert(not problem:find("scripts/", 1, true), problem)
end
return true
