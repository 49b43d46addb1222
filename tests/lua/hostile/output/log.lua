-- Guard: output
-- Attack: floods the host's log by clade.log
-- Runs as: agent
-- Ends: refused failed "output/log.lua:11: clade.log: more than 262144 bytes logged without a wait"

local clade = clade
return {
  api = 1,
  tasks = { "work" },
  on_task = function()
    while true do clade.log("") end
  end,
}
