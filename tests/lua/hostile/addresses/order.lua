-- Guard: addresses
-- Attack: the order of a table's keys, which LuaJIT makes of addresses and random numbers
-- Runs as: evaluation
-- Ends: kept

local content = {}
for index = 1, 200 do content["key" .. index * 7919 % 1000] = index end
local last
for key in pairs(content) do
  assert(last == nil or last < key, "pairs is not in order")
  last = key
end
last = nil
for key in next, content do
  assert(last == nil or last < key, "next is not in order")
  last = key
end
for _, key in ipairs({ {}, print, coroutine.create(print) }) do
  local ok, problem = pcall(pairs, { [key] = 1, x = 2 })
  assert(not ok and problem:find("its order differs from process to process", 1, true), problem)
  assert(not pcall(next, { [key] = 1, x = 2 }))
end
assert(not pcall(table.sort, { {}, {} }), "tables were compared")
return true
