-- Guard: output
-- Attack: prints for ever
-- Runs as: evaluation
-- Ends: refused error "output/print.lua:6: print: more than 65536 bytes of output in one evaluation"

while true do print(("x"):rep(1000)) end
