-- Guard: environment
-- Attack: an agent that keeps something in globals, for its next run or for its modules
-- Runs as: agent
-- Ends: kept

local function check(ok, problem)
  assert(not ok, "a global was set")
  assert(problem:find("cannot be set", 1, true) or problem:find("read-only", 1, true) or
    problem:find("protected", 1, true), problem)
end
return {
  api = 1,
  tasks = { "work" },
  on_task = function()
    check(pcall(load("leaked = 1")))
    check(pcall(load("_G.leaked = 1")))
    check(pcall(load("_G._G = {}")))
    check(pcall(rawset, _G, "leaked", 1))
    check(pcall(table.insert, _G, 1))
    check(pcall(setmetatable, _G, {}))
    check(pcall(load("pairs = nil")))
    assert(getmetatable(_G) == false and rawget(_G, "leaked") == nil and _G.leaked == nil)
    assert(_G.__index == nil and _G._G._G == _G)
    return true
  end,
}
