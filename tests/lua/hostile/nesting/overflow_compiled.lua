-- Guard: nesting
-- Attack: overflows the stack in compiled code, whose place no traceback can name
-- Runs as: agent
-- Ends: refused failed "stack overflow"

local function overflow() return overflow() + 1 end
return {
  api = 1,
  tasks = { "work" },
  on_task = function()
    for _ = 1, 20 do assert(not pcall(overflow)) end
    overflow()
  end,
}
