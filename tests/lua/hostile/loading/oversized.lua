-- Guard: loading
-- Attack: a source of more than a compiler should read at once, which no hook can stop
-- Runs as: evaluation
-- Ends: refused error "load: 1048577 bytes of source are too many at once, at most 1048576"

assert(load(("x"):rep(2 ^ 20, "")) == nil)
load(("x = 1 "):rep(2 ^ 18):sub(1, 2 ^ 20 + 1))
