-- Guard: machinery
-- Attack: subject.call by names that are none, and errors of the subject that are no text
-- Runs as: judge
-- Ends: kept

for _, name in ipairs({ 5, {}, print, true, setmetatable({}, { __tostring = function() return "echo" end }) }) do
  assert(not pcall(subject.call, name), "called by a " .. type(name))
end
assert(not pcall(subject.call))
for _, name in ipairs({ "", "nothing", "__index", "echo\0", ("x"):rep(1e6) }) do
  local ok, problem = subject.call(name)
  assert(ok == false and problem:find("the subject has no function", 1, true), problem)
end
for _, value in ipairs({ {}, true, 1, "text" }) do
  local ok, problem = subject.call("fail", value)
  assert(ok == false and type(problem) == "string" and not problem:find("0x", 1, true), problem)
end
assert(not pcall(function() subject.call = print end))
return true
