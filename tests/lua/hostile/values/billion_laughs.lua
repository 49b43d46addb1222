-- Guard: values
-- Attack: a result of forty tables that unfolds to a million million
-- Runs as: evaluation
-- Ends: refused error "at most 1 MB, 32768 values and 4096 map entries can leave a VM at once"

local laugh = {}
for _ = 1, 40 do laugh = { laugh, laugh } end
return laugh
