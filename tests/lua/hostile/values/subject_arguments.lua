-- Guard: values
-- Attack: arguments of subject.call that no other VM can hold: deep, cyclic, unfolding, functions
-- Runs as: judge
-- Limits: memory_mb = 64
-- Ends: kept

local deep, cyclic, laugh = {}, {}, {}
for _ = 1, 1000 do deep = { deep } end
cyclic.itself = cyclic
for _ = 1, 40 do laugh = { laugh, laugh } end
for index, value in ipairs({ deep, cyclic, print, coroutine.create(print), { [{}] = 1 }, { { print } } }) do
  local ok, problem = pcall(subject.call, "echo", value)
  assert(not ok and problem:find("subject.call: an argument cannot pass: ", 1, true), "argument " .. index)
end
local ok, fine, problem = pcall(subject.call, "echo", laugh)
assert(not ok or fine == false, "an argument unfolded to a million million tables")
assert(tostring(problem or fine):find("not enough memory", 1, true), problem or fine)
local _, same = subject.call("echo", { 1, { x = "y" } })
assert(same[1] == 1 and same[2].x == "y")
return true
