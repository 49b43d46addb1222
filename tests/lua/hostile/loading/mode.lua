-- Guard: loading
-- Attack: asks for the mode of bytecode: the text is still only a text
-- Runs as: evaluation
-- Ends: refused error "]:1: attempt to call a nil value"

local chunk = load("return (...)", nil, "b")
assert(chunk(5) == 5)
local ok, problem = load("\27LJ", nil, "b")
assert(ok == nil and problem == "attempt to load chunk with wrong mode", problem)
return load("return (...)()", "return (...)", "b")()
