-- Guard: deadline
-- Attack: an endless loop that catches the error which stops it
-- Runs as: evaluation
-- Ends: refused cpu "stopped after 300 ms of CPU (cpu_ms)"

while true do
  pcall(function() while true do end end)
end
