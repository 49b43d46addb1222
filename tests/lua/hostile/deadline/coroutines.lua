-- Guard: deadline
-- Attack: two coroutines that resume each other's work for ever, and catch what stops them
-- Runs as: evaluation
-- Limits: cpu_ms = 150
-- Ends: refused cpu "stopped after 150 ms of CPU (cpu_ms)"

local function worker()
  while true do pcall(coroutine.yield) end
end
while true do
  local first, second = coroutine.wrap(worker), coroutine.create(worker)
  pcall(function()
    while true do
      first()
      coroutine.resume(second)
    end
  end)
end
