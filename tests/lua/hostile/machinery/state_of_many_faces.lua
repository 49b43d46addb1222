-- Guard: machinery
-- Attack: `self` answers differently each time it is asked for its state
-- Runs as: agent
-- Ends: refused failed "self.state must stay a table, it is a nil"

return {
  api = 1,
  tasks = { "work" },
  on_task = function(self)
    local asked = 0
    self.state = nil
    setmetatable(self, {
      __index = function()
        asked = asked + 1
        return asked < 3 and {} or 5
      end,
    })
    return true
  end,
}
