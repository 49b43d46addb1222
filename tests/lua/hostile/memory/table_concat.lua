-- Guard: memory
-- Attack: a short list that concatenates to gigabytes
-- Runs as: evaluation
-- Ends: refused memory "not enough memory: the cap is 32 MB"

local list, text = {}, ("x"):rep(2 ^ 20)
for index = 1, 1900 do list[index] = text end
return #table.concat(list)
