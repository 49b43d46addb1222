-- Guard: values
-- Attack: a value that cannot leave, below a key of a megabyte that the error would have to name
-- Runs as: evaluation
-- Limits: memory_mb = 64
-- Ends: refused error "kkkk… is a function: only nil, booleans, numbers, strings and tables can leave a VM"

return { [("k"):rep(1e6)] = print }
