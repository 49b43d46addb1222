-- Guard: machinery
-- Attack: a migration returns a state that never answers when it is asked for its fields
-- Runs as: migration
-- Ends: kept

local function loop() while true do end end
return {
  api = 1,
  tasks = { "work" },
  migrate = function()
    return setmetatable({}, { __index = loop, __newindex = loop, __len = loop, __tostring = loop, __metatable = loop })
  end,
  on_task = function(self) return type(self.state) == "table" end,
}
