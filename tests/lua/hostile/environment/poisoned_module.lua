-- Guard: environment
-- Attack: a module that replaces globals of the chunk that judges it, by each name that they have
-- Runs as: module
-- Ends: kept

for _, source in ipairs({ "pcall = nil", "_G.error = nil", "assert = print", "_G._G = {}", "require = nil" }) do
  local ok, problem = pcall(load(source))
  assert(not ok and problem:find("cannot be set", 1, true), problem)
end
assert(not pcall(rawset, _G, "error", print) and not pcall(setmetatable, _G, {}))
assert(not pcall(table.insert, _G, 1) and not pcall(table.move, { 1 }, 1, 1, 1, _G))
local environment = load("return _G")()
assert(rawequal(environment, _G) and getmetatable(environment) == false)
return true
