-- Guard: patterns
-- Attack: every quantifier at once, over a text that fails at its last letter only
-- Runs as: evaluation
-- Limits: cpu_ms = 150
-- Ends: refused cpu "stopped after 150 ms of CPU (cpu_ms): patterns/nested_quantifiers.lua:"

local text = ("a"):rep(5000)
while true do
  pcall(string.match, text, "a*a+a-a?a*a*a*b")
  pcall(string.gsub, text, "(a*)(a-)(a*)b", "%1")
  pcall(function() for _ in text:gmatch("a-a-a-a-a-b") do end end)
end
