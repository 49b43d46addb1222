-- Guard: deadline
-- Attack: a reader function of `load` that always has one more empty line
-- Runs as: evaluation
-- Limits: cpu_ms = 150, memory_mb = 128
-- Ends: refused cpu "stopped after 150 ms of CPU (cpu_ms)"

while true do
  local count = 0
  pcall(load, function()
    count = count + 1
    while count > 1e4 do count = count + 1 end
    return "\n"
  end)
end
