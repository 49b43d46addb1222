-- Guard: memory
-- Attack: fills the memory to the brim before the state leaves the VM
-- Runs as: migration
-- Limits: memory_mb = 16
-- Ends: refused failed "not enough memory"

return {
  api = 1,
  tasks = { "work" },
  migrate = function(_, state)
    local list = {}
    for index = 1, math.huge do list[index] = { index, tostring(index) } end
    return state
  end,
  on_task = function() return true end,
}
