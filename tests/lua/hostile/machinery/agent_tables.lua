-- Guard: machinery
-- Attack: an agent's table whose fields change with each look at them
-- Runs as: agent
-- Ends: kept

local looks = 0
local fields = { api = 1, on_task = function(self) return type(self.state) == "table" end }
return setmetatable({}, {
  __index = function(_, name)
    if name ~= "state" then return fields[name] end
    looks = looks + 1
    return looks < 4 and {} or 5
  end,
})
