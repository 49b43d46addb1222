-- Guard: memory
-- Attack: names chunks by megabytes, so that a traceback of them has no room
-- Runs as: evaluation
-- Limits: memory_mb = 64
-- Ends: refused cpu "stopped after 300 ms of CPU (cpu_ms)"

local name = "=" .. ("x"):rep(2 ^ 22)
local inner = load("while true do end", name)
load("(...)() return 1", name)(inner)
