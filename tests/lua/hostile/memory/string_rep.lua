-- Guard: memory
-- Attack: asks string.rep for far more than there is, with and without a separator
-- Runs as: evaluation
-- Ends: refused memory "not enough memory: the cap is 32 MB"

local text = ("x"):rep(2 ^ 20)
assert(not pcall(text.rep, text, 2 ^ 20), "a terabyte was made")
return text:rep(100, text)
