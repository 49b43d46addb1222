-- Guard: loading
-- Attack: an environment that is no table, for which LuaJIT takes the real globals
-- Runs as: evaluation
-- Ends: kept

for _, environment in ipairs({ 5, "text", true, false, print, coroutine.create(print) }) do
  local ok, problem = pcall(load, "return debug or io or ffi or jit or string.dump", "=x", "t", environment)
  assert(not ok, "loaded with a " .. type(environment))
  assert(problem:find("bad argument #4 to 'load' (table expected", 1, true), problem)
end
local seen = load("return debug, io, jit, string.dump", "=x", "t", nil)
assert(select("#", seen()) == 4)
for index = 1, 4 do assert((select(index, seen())) == nil, "a real global was seen") end
for _, environment in ipairs({ {}, setmetatable({}, { __index = getmetatable("") or nil }) }) do
  assert(load("return string", "=x", "t", environment)() == nil)
end
assert(load("_G.string.x = 1 return _G", "=x", "t", { _G = { string = {} } })().string.x == 1)
return true
