-- Guard: memory
-- Attack: fills the memory to just below the cap, then returns what it holds
-- Runs as: evaluation
-- Ends: refused error "at most 1 MB, 32768 values and 4096 map entries can leave a VM at once"

local held = {}
pcall(function()
  while true do held[#held + 1] = ("x"):rep(2 ^ 16) .. #held end
end)
return held
