-- Guard: loading
-- Attack: bytecode in every way in which `load` takes a text
-- Runs as: evaluation
-- Ends: kept

-- What string.dump makes of "return 42".
local code = "\27\76\74\2\10\15\2\0\1\0\0\0\2\41\0\42\0\76\0\2\0\0"
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
local _, problem = load(code, "=code", "b")
assert(problem == "attempt to load chunk with wrong mode", problem)
assert(string.dump == nil and ("").dump == nil)
return true
