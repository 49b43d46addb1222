-- Guard: nesting
-- Attack: a __tostring that asks for the text of itself by string.format and print
-- Runs as: evaluation
-- Limits: memory_mb = 64
-- Ends: refused error "stack overflow"

local value = {}
setmetatable(value, { __tostring = function() print(value) return string.format("<%s>", value) end })
return tostring(value)
