-- Guard: loading
-- Attack: an agent whose chunk returns bytecode's text as its handler, and other things that are no handlers
-- Runs as: agent
-- Ends: refused failed "`on_task` must be a function, not string"

return { api = 1, tasks = { "work" }, on_task = "\27LJ\2\2" }
