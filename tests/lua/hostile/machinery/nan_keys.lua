-- Guard: machinery
-- Attack: keys that are no number, walked while they are removed and added
-- Runs as: evaluation
-- Ends: kept

assert(not pcall(function() return { [0 / 0] = 1 } end))
assert(not pcall(rawset, {}, nil, 1) and not pcall(rawset, {}, 0 / 0, 1))
assert(not pcall(next, {}, print) or true)
local content = { a = 1, b = 2, c = 3, [1] = 4, [-2 ^ 53] = 5, [math.huge] = 6, [true] = 7 }
local seen = 0
for key in pairs(content) do
  seen = seen + 1
  content[key] = nil
  content["new" .. seen] = seen
  assert(seen < 100, "a walk without an end")
end
assert(seen == 7)
for key in next, content do content[key] = nil end
assert(next(content) == nil)
return true
