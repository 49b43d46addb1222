-- Guard: values
-- Attack: a state that contains itself by way of a list
-- Runs as: agent
-- Ends: refused failed "state.list[1].back refers to a table that it is part of"

return {
  api = 1,
  tasks = { "work" },
  on_task = function(self) self.state.list = { { back = self.state } } end,
}
