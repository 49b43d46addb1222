-- Guard: machinery
-- Attack: thousands of strands that another one gives up while they wait, again and again, and that would go on
-- Runs as: agent
-- Limits: memory_mb = 64
-- Ends: kept

local clade = clade
local went_on = 0
local function loser()
  pcall(clade.queue.get, "q1")
  pcall(clade.queue.get, "q2")
  went_on = went_on + 1
end
return {
  api = 1,
  tasks = { "work" },
  on_task = function()
    for _ = 1, 5 do
      local strands = {}
      for index = 1, 4000 do strands[index] = loser end
      strands[4001] = function() return "won" end
      local value, index = clade.any(strands)
      assert(value == "won" and index == 4001)
    end
    -- Nobody who was given up came back, neither by the host's answer nor by a coroutine of another one.
    pcall(clade.queue.get, "q3")
    assert(went_on == 0)
    return true
  end,
}
