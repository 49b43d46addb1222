-- Guard: values
-- Attack: many strands that each send as much as a frame holds, before the host can answer
-- Runs as: agent
-- Limits: memory_mb = 128
-- Ends: refused failed "bytes have been sent without a wait: at most 61 MB"

local clade = clade
return {
  api = 1,
  tasks = { "work" },
  on_task = function()
    local payload, strands = ("x"):rep(1e6), {}
    for index = 1, 70 do
      strands[index] = function() clade.queue.add({ type = "work", payload = payload }) end
    end
    for index = 1, 69 do
      local add = strands[index]
      strands[index] = function() pcall(add) end
    end
    clade.all(strands)
  end,
}
