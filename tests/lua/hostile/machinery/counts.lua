-- Guard: machinery
-- Attack: counts work that is negative, broken, endless or no number
-- Runs as: evaluation
-- Ends: kept

count(3)
for _, units in ipairs({ -1, 0.5, 0 / 0, math.huge, -math.huge, 2 ^ 53 + 2, -2 ^ 53, "3", "x", {}, true, print }) do
  local ok, problem = pcall(count, units)
  assert(not ok, tostring(units) .. " was counted")
  assert(problem:find("count: an integer from 0 is needed, not", 1, true), problem)
end
assert(not pcall(count))
count(0)
count(2 ^ 53 - 3)
assert(not pcall(count, 1), "more than 2^53 units were counted")
return true
