-- Guard: memory
-- Attack: fills the memory to the last bytes, then calls the host until that fails too
-- Runs as: agent
-- Ends: refused failed "not enough memory: the cap is 32 MB"

local clade = clade
return {
  api = 1,
  tasks = { "work" },
  on_task = function()
    local chain
    local function fill()
      while true do chain = { chain } end
    end
    pcall(fill)
    pcall(fill)
    pcall(clade.log, "no room")
    pcall(clade.queue.add, { type = "work", payload = {} })
    fill()
  end,
}
