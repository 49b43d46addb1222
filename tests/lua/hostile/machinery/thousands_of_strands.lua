-- Guard: machinery
-- Attack: more strands that wait for the host at the same time than it counts
-- Runs as: agent
-- Limits: memory_mb = 64
-- Ends: refused failed "more than 4096 strands of one run would wait at the same time"

local clade = clade
return {
  api = 1,
  tasks = { "work" },
  on_task = function()
    local strands = {}
    for index = 1, 5000 do
      strands[index] = function()
        if index <= 4096 then return pcall(clade.queue.get, "q" .. index) end
        return clade.queue.get("q" .. index)
      end
    end
    clade.all(strands)
  end,
}
