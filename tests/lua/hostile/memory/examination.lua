-- Guard: memory
-- Attack: a step of a migration fills the memory when the host asks about a state
-- Runs as: examination
-- Limits: memory_mb = 16
-- Ends: refused memory "out of memory at 16 MB"

return {
  api = 1,
  tasks = { "work" },
  schema = 2,
  on_task = function() return true end,
  migrate = {
    [2] = function(state)
      local list = {}
      for index = 1, math.huge do list[index] = { index, tostring(index) } end
      return state
    end,
  },
}
