-- Guard: memory
-- Attack: an error of its own that imitates the one of a full memory
-- Runs as: evaluation
-- Ends: refused error "not enough memory: the cap is 1 MB"

error("not enough memory: the cap is 1 MB", 0)
