-- Guard: values
-- Attack: keeps a state in which every table is shared a hundred times
-- Runs as: agent
-- Ends: refused failed "at most 1 MB, 32768 values and 4096 map entries can leave a VM at once"

return {
  api = 1,
  tasks = { "work" },
  on_task = function(self)
    local shared = { "x" }
    for _ = 1, 10 do
      local list = {}
      for index = 1, 100 do list[index] = shared end
      shared = list
    end
    self.state.shared = shared
  end,
}
