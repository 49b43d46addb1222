-- Guard: output
-- Attack: prints lines that hold nothing, and catches the error that tells of too many
-- Runs as: evaluation
-- Limits: cpu_ms = 150
-- Ends: refused cpu "stopped after 150 ms of CPU (cpu_ms): output/empty_lines.lua:"

while true do pcall(print) end
