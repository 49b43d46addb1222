-- Guard: patterns
-- Attack: patterns that end too early, refer to what is not there, or have too much of something
-- Runs as: evaluation
-- Ends: kept

local malformed = {
  "%", "[", "[^", "[]", "[%", "[a-", "[%a-", "%f", "%fa", "%f[", "%b", "%bx", "(", "(()", "a*)", "%1", "(%1)", "()%2", "%9",
  ("("):rep(33) .. (")"):rep(33), ("a?"):rep(201), ("a-"):rep(300) .. "b",
}
for index, pattern in ipairs(malformed) do
  for _, name in ipairs({ "find", "match", "gsub" }) do
    local ok, problem = pcall(string[name], ("a"):rep(400), pattern, name == "gsub" and "%1" or nil)
    local place = name .. " took malformed pattern " .. index
    assert(not ok, place)
    assert(type(problem) == "string" and #problem < 300 and not problem:find("0x", 1, true), place)
  end
end
assert(not pcall(string.gsub, "a", "a", "%2"), "a capture that is not there")
return true
