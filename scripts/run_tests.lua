-- Runs the tests of a skill inside an evaluation cell; `clade skill test` starts it.
-- A test file is a chunk that returns a table {name = function(skill)}: a test that raises has failed.
local runner = {}

-- Runs the tests of module "test" on the skill `id`, in the order of their names; only those whose name contains
-- `filter` if one is given. Returns { {name, ok, error?}, ... }. Raises if the test file is no table of functions.
function runner.run(id, filter)
  local tests = require("test")
  if type(tests) ~= "table" then
    error("test.lua has to return a table {name = function(skill) ... end}, not a " .. type(tests), 0)
  end
  local names, functions = {}, {}
  for name, test in pairs(tests) do
    if type(name) ~= "string" or type(test) ~= "function" then
      error("test.lua: entry " .. tostring(name) .. " is a " .. type(test) .. ", tests are functions by name", 0)
    end
    if not filter or name:find(filter, 1, true) then
      names[#names + 1] = name
      functions[name] = test  -- the skill may require the test file too, and change its table
    end
  end
  table.sort(names)
  local skill = require(id)
  local results = {}
  for i, name in ipairs(names) do
    local ok, message = pcall(functions[name], skill)
    results[i] = { name = name, ok = ok }
    if not ok then
      results[i].error = tostring(message)
    end
  end
  return results
end

return runner
