-- Guard: patterns
-- Attack: %b and %f over a text of opening brackets, which each place reads to its end
-- Runs as: evaluation
-- Limits: cpu_ms = 150
-- Ends: refused cpu "stopped after 150 ms of CPU (cpu_ms): patterns/balance.lua:"

local text = ("("):rep(2e5)
while true do
  pcall(string.find, text, "%b()")
  pcall(string.gsub, text, "%f[(]%b()", "")
end
