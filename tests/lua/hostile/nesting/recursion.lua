-- Guard: nesting
-- Attack: a recursion without an end, through metamethods
-- Runs as: evaluation
-- Limits: memory_mb = 64
-- Ends: refused error "stack overflow"

local meta = {}
meta.__index = function(content, key) return content[key .. "x"] .. "x" end
return setmetatable({}, meta).x
