-- Guard: memory
-- Attack: catches the error of every allocation that fails, and asks again with everything it has still held
-- Runs as: evaluation
-- Ends: refused cpu "stopped after 300 ms of CPU (cpu_ms)"

local held = {}
while true do
  pcall(function()
    for index = 1, 1000 do held[#held + 1] = ("x"):rep(1e4) .. index end
  end)
end
