-- Guard: values
-- Attack: a result whose keys are more than a frame holds, while its values are not
-- Runs as: evaluation
-- Ends: refused error "at most 1 MB, 32768 values and 4096 map entries can leave a VM at once"

local wide = {}
for index = 1, 5000 do wide[("%06d"):format(index)] = true end
return wide
