-- Guard: environment
-- Attack: reaches the table of string methods by the metatable that all texts share
-- Runs as: evaluation
-- Ends: kept

assert(getmetatable("") == false, "the metatable of texts is open")
assert(not pcall(setmetatable, "", {}), "the metatable of texts was set")
assert(("").x == nil and ("").__index == nil and ("").dump == nil)
assert(not pcall(function()
  local text = "x"
  text.upper = function() return "y" end
end), "a method was set by a text")
assert(("x"):upper() == "X" and rawequal(("").rep, string.rep))
return true
