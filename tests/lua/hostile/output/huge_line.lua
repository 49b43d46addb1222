-- Guard: output
-- Attack: prints one line of megabytes, made of many arguments
-- Runs as: evaluation
-- Ends: refused error "output/huge_line.lua:8: print: more than 65536 bytes of output in one evaluation"

local text = ("x"):rep(2 ^ 20)
assert(not pcall(print, text, text, text))
print(text, 1, nil, true)
