-- Guard: deadline
-- Attack: table.insert at positions from which C code would move elements for minutes
-- Runs as: evaluation
-- Ends: refused error "table.insert: the position must be a number from 1 to 2147483647, not -2147483648"

local list = {}
for power = 0, 30 do list[2 ^ power] = power end
table.insert(list, 1, "first")
table.insert({}, -2 ^ 31, "far")
