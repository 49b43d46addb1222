-- Guard: patterns
-- Attack: string.format with widths, precisions and options beyond its buffers
-- Runs as: evaluation
-- Ends: kept

for _, format in ipairs({ "%999d", "%.999f", "%100s", "%", "%y", "%ll", "%n", "%*d", "%1$s", "%5%p" }) do
  local ok, problem = pcall(string.format, format, 1)
  assert(not ok, format .. " was taken")
  assert(type(problem) == "string" and not problem:find("0x", 1, true))
end
assert(#string.format("%99.99f", 2 ^ 1023) < 500)
assert(#string.format("%.99f", -2 ^ 1023) < 500)
assert(not pcall(string.format, "%s"), "a value that is not there was formatted")
return true
