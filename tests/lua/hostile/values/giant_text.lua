-- Guard: values
-- Attack: a text that is one byte too long to leave
-- Runs as: evaluation
-- Limits: memory_mb = 80
-- Ends: refused error "at most 1 MB, 32768 values and 4096 map entries can leave a VM at once"

return ("x"):rep(2 ^ 20 + 1)
