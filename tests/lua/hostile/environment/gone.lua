-- Guard: environment
-- Attack: looks for everything that leads out of a VM, by each name that Lua and LuaJIT have for it
-- Runs as: evaluation
-- Ends: kept

local globals = _G
for _, name in ipairs({
  "os", "io", "ffi", "jit", "debug", "package", "newproxy", "getfenv", "setfenv", "module", "dofile", "loadfile", "gcinfo",
  "host", "clade", "subject", "utf8", "arg",
}) do
  assert(globals[name] == nil, name .. " is there")
  assert(not pcall(require, name), name .. " can be required")
end
for _, name in ipairs({ "ffi", "jit", "jit.opt", "jit.util", "table.new", "string.buffer", "../x", "/etc/passwd", "" }) do
  assert(not pcall(require, name), name .. " can be required")
end
assert(string.dump == nil and string.buffer == nil and table.foreach == nil and table.getn == nil)
for _, option in ipairs({ "collect", "stop", "restart", "step", "setpause", "setstepmul", "x" }) do
  assert(not pcall(collectgarbage, option, 1), option .. " was done")
end
assert(not pcall(collectgarbage) and collectgarbage("count") > 0)
return true
