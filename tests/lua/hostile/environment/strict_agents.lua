-- Guard: environment
-- Attack: the chunk of an agent sets a global by a misspelt local
-- Runs as: agent
-- Ends: refused failed "the global `helper` cannot be set: use a local, or self.state for what must last"

load("function helper() end")()
return { api = 1, tasks = { "work" }, on_task = function() return true end }
