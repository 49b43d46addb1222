-- Guard: deadline
-- Attack: every metamethod a loop of its own, one caught after the other
-- Runs as: evaluation
-- Limits: cpu_ms = 150
-- Ends: refused cpu "stopped after 150 ms of CPU (cpu_ms): deadline/metamethods.lua:"

local function loop() while true do end end
local meta = {
  __index = loop, __newindex = loop, __eq = loop, __lt = loop, __le = loop, __concat = loop, __call = loop, __unm = loop,
  __add = loop, __mod = loop, __pow = loop, __tostring = loop,
}
local left, right = setmetatable({}, meta), setmetatable({}, meta)
while true do
  pcall(function() return left.key end)
  pcall(function() left.key = 1 end)
  pcall(function() return left == right, left < right, left <= right end)
  pcall(function() return left .. right end)
  pcall(function() return left() end)
  pcall(function() return -left, left + right, left % 2, left ^ 2 end)
end
