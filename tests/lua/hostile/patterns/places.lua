-- Guard: patterns
-- Attack: starting places and numbers of replacements at the ends of all number types
-- Runs as: evaluation
-- Ends: kept

local extremes = { -2 ^ 31, 2 ^ 31, -2 ^ 53, 2 ^ 53, -2 ^ 63, 2 ^ 63, math.huge, -math.huge, 0 / 0, 0.5 }
for _, place in ipairs(extremes) do
  local first = string.find("abc", "[abc]", place)
  assert(first == nil or (first >= 1 and first <= 3))
  local plain = string.find("abc", "c", place, true)
  assert(plain == nil or plain == 3)
  local text, count = string.gsub("abc", "%a", "x", place)
  assert(#text == 3 and count >= 0 and count <= 3)
end
assert(string.find("", "", 10) == 1 or string.find("", "", 10) == nil)
return true
