-- Guard: memory
-- Attack: raises a message of megabytes while the memory is full
-- Runs as: evaluation
-- Ends: refused memory "not enough memory: the cap is 32 MB"

local text, held = ("x"):rep(2 ^ 23), {}
pcall(function()
  while true do held[#held + 1] = { held } end
end)
error(text, 0)
