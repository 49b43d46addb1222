-- Guard: nesting
-- Attack: string.gsub in its own callback, without an end
-- Runs as: evaluation
-- Ends: refused error "stack overflow: C functions and Lua functions call each other too deeply, more than 2 MB of C stack"

local function again() return (("x"):gsub("x", again)) end
return again()
