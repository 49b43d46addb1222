-- Guard: handlers
-- Attack: names a chunk as a file of the machinery, which tracebacks leave out, and loops there in a coroutine
-- Runs as: evaluation
-- Limits: cpu_ms = 150
-- Ends: refused cpu "stopped after 150 ms of CPU (cpu_ms): scripts/boot.lua:1: stopped"

local loop = assert(load("while true do end", "@scripts/boot.lua"))
coroutine.wrap(loop)()
