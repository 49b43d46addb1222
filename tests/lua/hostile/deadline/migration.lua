-- Guard: deadline
-- Attack: a migration that never ends, and catches what stops it
-- Runs as: migration
-- Ends: refused failed "(slice_ms): deadline/migration.lua:"

local function loop() while true do end end
return {
  api = 1,
  tasks = { "work" },
  migrate = function()
    while true do pcall(loop) end
  end,
  on_task = function() return true end,
}
