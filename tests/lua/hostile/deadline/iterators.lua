-- Guard: deadline
-- Attack: iterators that are never done: ipairs of a list that grows, next begun again, gmatch in a circle
-- Runs as: evaluation
-- Limits: cpu_ms = 200
-- Ends: refused cpu "stopped after 200 ms of CPU (cpu_ms): deadline/iterators.lua:"

local rounds = {
  function()
    local list = { 1 }
    for index in ipairs(list) do list[index + 1], list[index - 1] = index, nil end
  end,
  function() while true do next({ a = 1, b = 2 }, "a") end end,
  function()
    while true do
      for _ in ("aaaa"):gmatch("a*") do for _ in pairs({ 1, x = 2 }) do end end
    end
  end,
}
while true do
  for _, round in ipairs(rounds) do pcall(round) end
end
