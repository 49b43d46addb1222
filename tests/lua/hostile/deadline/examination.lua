-- Guard: deadline
-- Attack: a check that never ends, and catches what stops it, when the host asks about a state
-- Runs as: examination
-- Limits: slice_ms = 300
-- Ends: refused wall "stopped after 300 ms (check_ms): deadline/examination.lua:"

local function loop() while true do end end
return {
  api = 1,
  tasks = { "work" },
  on_task = function() return true end,
  check = function()
    while true do pcall(loop) end
  end,
}
