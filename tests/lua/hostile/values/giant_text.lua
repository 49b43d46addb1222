-- Guard: values
-- Attack: a text that is one byte too long for a frame
-- Runs as: evaluation
-- Limits: cpu_ms = 5000, memory_mb = 80
-- Ends: refused error "bytes are too many for one frame: at most 16 MB"

return ("x"):rep(2 ^ 24)
