-- Guard: environment
-- Attack: hangs metatables on what the host gives to a handler, to be asked again by it
-- Runs as: agent
-- Ends: kept

local calls = 0
local function trap() calls = calls + 1 return {} end
local meta = { __index = trap, __newindex = trap, __len = trap, __call = trap, __pairs = trap, __gc = trap, __mode = "kv" }
return {
  api = 1,
  tasks = { "work" },
  on_task = function(self, task)
    setmetatable(task, meta)
    setmetatable(task.payload, meta)
    setmetatable(self.state, meta)
    setmetatable(self, meta)
    rawset(self.state, "seen", setmetatable({ "kept" }, meta))
    calls = 0
    return true
  end,
  check = function(state) return calls == 0 and rawget(state, "seen")[1] == "kept", "the host called a script's trap" end,
}
