-- Guard: machinery
-- Attack: changes the table that new agents' states are copied from, while it is loaded, to a circle
-- Runs as: agent
-- Ends: refused failed "state.circle refers to a table that it is part of"

local agent = { api = 1, tasks = { "work" }, on_task = function() return true end, state = { lists = {} } }
agent.state.circle = agent.state
return agent
