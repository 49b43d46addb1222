-- Guard: coroutines
-- Attack: keeps too many coroutines in several strands, each below the bound
-- Runs as: agent
-- Limits: memory_mb = 64
-- Ends: refused failed "more than 10000 coroutines would be alive at the same time"

local clade = clade
local held = {}
local function hold()
  for _ = 1, 6000 do held[#held + 1] = coroutine.create(print) end
end
return { api = 1, tasks = { "work" }, on_task = function() clade.all({ hold, hold }) end }
