-- Guard: handlers
-- Attack: a handler that overflows the stack for an error that is an overflow
-- Runs as: agent
-- Ends: refused failed "stack overflow"

local function overflow() return overflow() + 1 end
return {
  api = 1,
  tasks = { "work" },
  on_task = function()
    local ok, problem = xpcall(overflow, overflow)
    assert(ok == false and tostring(problem):find("stack overflow"))
    overflow()
  end,
}
