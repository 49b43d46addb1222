-- Guard: deadline
-- Attack: callbacks of string.gsub, as function and as table, that do not return
-- Runs as: agent
-- Limits: slice_ms = 150
-- Ends: refused failed "stopped after 150 ms without a wait (slice_ms): deadline/callbacks.lua:"

local function loop() while true do end end
return {
  api = 1,
  tasks = { "work" },
  on_task = function()
    while true do
      pcall(string.gsub, "abc", "%a", loop)
      pcall(string.gsub, "abc", "%a", setmetatable({}, { __index = loop }))
    end
  end,
}
