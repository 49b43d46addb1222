-- Guard: machinery
-- Attack: clade.all in clade.all, until the names of the strands are longer than the host takes
-- Runs as: agent
-- Ends: refused failed "clade.all: nested too deeply: the name of a strand would be longer than 256 bytes"

local clade = clade
local depth = 0
local function dive()
  depth = depth + 1
  if depth > 1000 then return clade.queue.get("q1") end
  return clade.all({ dive })
end
return {
  api = 1,
  tasks = { "work" },
  on_task = function()
    dive()
  end,
}
