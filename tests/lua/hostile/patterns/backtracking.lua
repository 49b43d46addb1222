-- Guard: patterns
-- Attack: a pattern with six lazy repetitions, which LuaJIT itself would follow for years
-- Runs as: evaluation
-- Ends: refused error "pattern too expensive: stopped after 100000000 steps"

local text = ("a"):rep(40000)
return text:find((".-"):rep(6) .. "b")
