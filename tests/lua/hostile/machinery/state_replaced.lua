-- Guard: machinery
-- Attack: puts what is no table in the place of the state
-- Runs as: agent
-- Ends: refused failed "self.state must stay a table, it is a function"

return { api = 1, tasks = { "work" }, on_task = function(self) self.state = print end }
