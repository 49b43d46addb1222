-- Guard: machinery
-- Attack: waits for the host where nothing can wait: in gsub, sort, metamethods and coroutines of its own
-- Runs as: agent
-- Ends: kept

local clade = clade
local function wait() return clade.queue.get("q1") end
local function check(ok, problem)
  assert(not ok, "it waited")
  assert(problem:find("waits for the host and cannot be called inside a", 1, true), problem)
  assert(problem:find("machinery/in_callbacks.lua:", 1, true), problem)
end
return {
  api = 1,
  tasks = { "work" },
  on_task = function()
    check(pcall(string.gsub, "x", "x", function() return wait() and "" end))
    check(pcall(string.gsub, "x", "x", setmetatable({}, { __index = function() return wait() and "" end })))
    check(pcall(table.sort, { 2, 1 }, function() return wait() and true end))
    check(coroutine.resume(coroutine.create(function() return wait() and 1 end)))
    check(pcall(coroutine.wrap(function() clade.all({ wait }) end)))
    local ok, problem = pcall(wait)
    assert(not ok and problem:find("no grant for queue.get", 1, true), problem)
    return true
  end,
}
