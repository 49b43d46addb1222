-- Guard: memory
-- Attack: a chain of closures, each of which keeps the one before it alive
-- Runs as: agent
-- Limits: memory_mb = 16
-- Ends: refused failed "not enough memory: the cap is 16 MB"

local function after(former)
  return function() return former end
end
return {
  api = 1,
  tasks = { "work" },
  on_task = function()
    local last
    while true do last = after(last) end
  end,
}
