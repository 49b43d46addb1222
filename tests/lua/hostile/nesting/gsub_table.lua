-- Guard: nesting
-- Attack: string.gsub with a table whose __index is string.gsub with that table
-- Runs as: agent
-- Ends: refused failed "stack overflow: C functions and Lua functions call each other too deeply, more than 2 MB of C stack"

local replacements = {}
setmetatable(replacements, { __index = function() return (("x"):gsub("x", replacements)) end })
return { api = 1, tasks = { "work" }, on_task = function() return replacements.x end }
