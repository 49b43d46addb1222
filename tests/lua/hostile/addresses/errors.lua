-- Guard: addresses
-- Attack: error messages that name a value, of Lua, of the libraries and of the host's own Lua
-- Runs as: evaluation
-- Ends: kept

local function check(ok, problem)
  assert(not ok, "no error")
  problem = tostring(problem)
  assert(not problem:find("0x", 1, true), "an address: " .. problem)
end
local value = {}
check(pcall(count, value))
check(pcall(count, print))
check(pcall(require, value))
check(pcall(function() string[value] = 1 end))
check(pcall(function() math[print] = 1 end))
check(pcall(function() return value + 1 end))
check(pcall(function() return value .. "" end))
check(pcall(function() return value < {} end))
check(pcall(function() return #print end))
check(pcall(table.concat, { value }))
check(pcall(table.insert, {}, value, 1))
check(pcall(string.rep, "x", value))
check(pcall(string.gsub, "x", "x", function() return value end))
check(pcall(pairs, print))
check(pcall(load, value))
check(pcall(load, "", value))
check(pcall(setmetatable, value, print))
check(pcall(pairs, { [value] = 1 }))
check(pcall(error, coroutine.create(print)))
return true
