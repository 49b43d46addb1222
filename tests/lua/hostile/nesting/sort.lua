-- Guard: nesting
-- Attack: table.sort in its own comparator, as a function and as __lt
-- Runs as: evaluation
-- Ends: refused error "stack overflow"

local meta = {}
local function compare() table.sort({ 2, 1 }, compare) end
function meta.__lt() table.sort({ setmetatable({}, meta), setmetatable({}, meta) }) end
assert(not pcall(table.sort, { setmetatable({}, meta), setmetatable({}, meta) }), "no end of __lt in __lt")
compare()
