-- Guard: nesting
-- Attack: gsub in sort in a coroutine in gsub, with a pcall around each
-- Runs as: agent
-- Ends: refused failed " deep"

-- By coroutines or by the C stack: which bound comes first depends on how large a frame of C is.

local dive
local function in_gsub() return (("x"):gsub("x", dive)) end
local function in_sort() table.sort({ 2, 1 }, function() return dive() end) end
local turn = 0
function dive()
  turn = turn + 1
  local ok, problem
  if turn % 3 == 0 then
    ok, problem = coroutine.resume(coroutine.create(in_gsub))
  else
    ok, problem = pcall(turn % 3 == 1 and in_sort or in_gsub)
  end
  if not ok then error(problem, 0) end
end
return { api = 1, tasks = { "work" }, on_task = function() dive() return turn end }
