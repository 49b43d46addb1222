-- Guard: deadline
-- Attack: a looping __tostring wherever something asks for the text of a value
-- Runs as: agent
-- Limits: slice_ms = 150
-- Ends: refused failed "stopped after 150 ms without a wait (slice_ms): deadline/tostring.lua:"

local clade = clade
local value = setmetatable({}, { __tostring = function() while true do end end })
return {
  api = 1,
  tasks = { "work" },
  on_task = function()
    while true do
      pcall(tostring, value)
      pcall(print, value)
      pcall(string.format, "%s", value)
      pcall(clade.log, value)
      pcall(function() string[value] = 1 end)
      pcall(error, value)
    end
  end,
}
