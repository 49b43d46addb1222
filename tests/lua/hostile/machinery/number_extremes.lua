-- Guard: machinery
-- Attack: the functions of bit, string, table and math with numbers at the ends of all types
-- Runs as: evaluation
-- Ends: kept

local extremes = { -2 ^ 31, 2 ^ 31, 2 ^ 32, -2 ^ 53, 2 ^ 53, -2 ^ 63, 2 ^ 63, 2 ^ 1023, math.huge, -math.huge, 0 / 0, -0.0, 0.5 }
for _, number in ipairs(extremes) do
  local hex = bit.tohex(1, number)
  assert(type(hex) == "string" and #hex <= 8 and #bit.tohex(number) == 8)
  for _, name in ipairs({ "lshift", "rshift", "arshift", "rol", "ror", "band", "bxor" }) do
    assert(bit[name](-1, number) % 1 == 0)
  end
  local ok, text = pcall(string.sub, "abc", number, number)
  assert(ok and #text <= 3)
  assert(select("#", string.byte("abc", number, 2 ^ 53)) <= 3)
  assert(select("#", string.byte("abc", -2 ^ 53, number)) <= 3)
  pcall(string.char, number)
  local made = select(2, pcall(string.rep, "", number))
  assert(made == "" or type(made) == "string" and made:find("string.rep", 1, true), made)
  pcall(math.ldexp, 1, number)
  pcall(math.random, number)
  pcall(math.random, -number, number)
  pcall(math.randomseed, number)
  pcall(select, number, 1, 2)
  pcall(unpack, { 1 }, number, number)
  pcall(tonumber, "zz", number)
  pcall(table.concat, { 1 }, "", number, number)
  pcall(table.remove, { 1, 2 }, number)
  pcall(table.insert, { 1, 2 }, number, 3)
end
assert(tonumber(("9"):rep(1e5)) == math.huge and tonumber("0x" .. ("f"):rep(1000)) ~= nil)
for _, base in ipairs({ -1, 0, 1, 37, 2 ^ 32 + 10 }) do
  assert(not pcall(tonumber, "10", base) or tonumber("10", base) == 10, "base " .. base)
end
return true
