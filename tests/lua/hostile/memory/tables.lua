-- Guard: memory
-- Attack: nests tables in tables until nothing is left
-- Runs as: evaluation
-- Limits: memory_mb = 16
-- Ends: refused memory "not enough memory: the cap is 16 MB"

local chain = {}
while true do chain = { chain, {}, {} } end
