-- Guard: addresses
-- Attack: the addresses of what a handler logs, misuses and fails with
-- Runs as: agent
-- Ends: kept

local clade = clade
local function check(ok, problem)
  assert(not ok, "no error")
  assert(not problem:find("0x", 1, true), "an address: " .. problem)
end
return {
  api = 1,
  tasks = { "work" },
  on_task = function()
    local meta = { __tostring = function() return print end }
    check(pcall(clade.log, setmetatable({}, meta)))
    check(pcall(clade.queue.add, { type = "work", [{}] = 1 }))
    check(pcall(clade.queue.add, { type = print }))
    check(pcall(clade.sleep, {}))
    check(pcall(clade.all, { print, {} }))
    check(pcall(function() clade[{}] = 1 end))
    check(pcall(function() clade.queue[print] = 1 end))
    check(pcall(function() _G[{}] = 1 end))
    clade.log({})
    return true
  end,
}
