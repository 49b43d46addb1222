-- Guard: deadline
-- Attack: an error of its own that imitates the one of the deadline
-- Runs as: evaluation
-- Ends: refused error "stopped after 300 ms of CPU (cpu_ms): stopped: soft deadline (processor time)"

error("stopped after 300 ms of CPU (cpu_ms): stopped: soft deadline (processor time)", 0)
