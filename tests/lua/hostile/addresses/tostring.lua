-- Guard: addresses
-- Attack: the addresses of functions, tables and coroutines, by each way to their text
-- Runs as: evaluation
-- Ends: kept

local values = { {}, print, function() end, coroutine.create(print), string.gmatch("a", "a"), coroutine.wrap(print), string }
local function check(text)
  text = tostring(text)
  assert(not text:find("0x", 1, true), "an address: " .. text)
end
for _, value in ipairs(values) do
  check(tostring(value))
  check(string.format("%s", value))
  check(string.format("%10s|%-5s|%.3s|%s", value, value, value, value))
  for _, option in ipairs({ "%q", "%d", "%c", "%x", "%f", "%p", "%5p", "%-p", "%#p", "%.9p", "%%%p" }) do
    local ok, text = pcall(string.format, option, value)
    assert(not ok or option == "%q", option .. " was taken")
    check(text)
  end
end
assert(not pcall(string.format, "%p", "a text") and not pcall(string.format, "%s%%%p", 1, "a text"))
return true
