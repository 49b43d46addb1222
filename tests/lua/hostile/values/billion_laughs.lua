-- Guard: values
-- Attack: a result of forty tables that unfolds to a million million
-- Runs as: evaluation
-- Ends: refused error "1048512 values can leave a VM at once"

local laugh = {}
for _ = 1, 40 do laugh = { laugh, laugh } end
return laugh
