-- Guard: machinery
-- Attack: calls every kind of clade function while the script is loaded
-- Runs as: agent
-- Ends: kept

local clade = clade
local calls = {
  function() clade.queue.add({ type = "work" }) end,
  function() clade.sleep(1) end,
  function() clade.log("loading") end,
  function() clade.all({ print }) end,
  function() return clade.now() + 1 end,
  function() return clade.random() + 1 end,
  function() return clade.random(6) + math.random(2) end,
  function() print("loading") end,
}
local problems = {}
for index, call in ipairs(calls) do
  local ok, problem = pcall(call)
  problems[index] = not ok and problem
end
return {
  api = 1,
  tasks = { "work" },
  on_task = function()
    for index = 1, #calls do
      local problem = problems[index]
      assert(problem, "call " .. index .. " was made at load")
      assert(problem:find("works only while a handler runs", 1, true), problem)
      assert(problem:find("^machinery/at_load.lua:%d+: "), problem)
    end
    return true
  end,
}
