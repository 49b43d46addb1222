-- Guard: loading
-- Attack: bytecode in every way in which `load` takes a text
-- Runs as: evaluation
-- Ends: kept

local code = "\27LJ\2\2\7\0\2\0\0\0\2K\0\1\0\0"
local function in_pieces(text)
  local at = 0
  return function()
    at = at + 1
    return at <= #text and text:sub(at, at) or nil
  end
end
for index, chunk in ipairs({ code, "# a comment\n" .. code, "#!x\n\27LJ", "\27", "\239\187\191" .. code, "\27Lua" }) do
  for _, mode in ipairs({ "b", "t", "bt", "bW", "" }) do
    assert(load(chunk, "=code", mode) == nil, "bytecode " .. index .. " was loaded")
    assert(load(in_pieces(chunk), "=code", mode) == nil, "bytecode " .. index .. " was loaded in pieces")
  end
  assert(loadstring(chunk) == nil)
end
assert(string.dump == nil and ("").dump == nil)
return true
