-- Guard: memory
-- Attack: doubles a string until nothing is left
-- Runs as: evaluation
-- Ends: refused memory "not enough memory: the cap is 32 MB"

local text = "x"
while true do text = text .. text end
