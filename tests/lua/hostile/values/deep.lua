-- Guard: values
-- Attack: results nested deeper than any reader goes
-- Runs as: evaluation
-- Ends: refused error "nested deeper than 64 levels"

local deep = {}
for _ = 1, 1e5 do deep = { inner = deep } end
return deep
