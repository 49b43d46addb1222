-- Guard: values
-- Attack: a result whose keys are more than a frame holds, while its values are not
-- Runs as: evaluation
-- Limits: cpu_ms = 5000, wall_ms = 10000, memory_mb = 160
-- Ends: refused error "1048512 values can leave a VM at once"

local wide = {}
for index = 1, 600000 do wide[("%06d"):format(index)] = true end
return wide
