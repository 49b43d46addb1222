-- Guard: values
-- Attack: lists whose length is thousands of times what they hold
-- Runs as: evaluation
-- Ends: kept

local sparse = {}
for power = 0, 30 do sparse[2 ^ power] = power end
assert(not pcall(table.concat, sparse))
assert(not pcall(table.sort, sparse))
local count = 0
for _ in pairs(sparse) do count = count + 1 end
assert(count == 31)
for _, place in ipairs({ -2 ^ 53, -2 ^ 31, -1, 0, 2 ^ 31, 2 ^ 53, math.huge, -math.huge, 0 / 0 }) do
  assert(not pcall(table.insert, { 1, 2 }, place, 3), "inserted at " .. place)
end
local list = { 1, 2 }
table.insert(list, 1, 0)
assert(table.concat(list, ",") == "0,1,2")
return true
