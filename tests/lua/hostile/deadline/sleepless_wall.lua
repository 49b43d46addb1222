-- Guard: deadline
-- Attack: stays below its processor time, and is out of the clock's
-- Runs as: evaluation
-- Limits: wall_ms = 200
-- Ends: refused wall "stopped after 200 ms (wall_ms): deadline/sleepless_wall.lua:"

while true do pcall(function() while true do end end) end
