-- What to ask clade.cell.eval for to measure or to test a version of a skill. A skill is what clade.skill.read returns.
-- The version measured runs in a VM of its own, which the skill's judge (bench.lua) reaches call by call.

local judge = { api = 1 }

-- Far above what a measurement takes, so that a busy machine changes nothing; a version that loops ends here.
local LIMITS = { cpu_ms = 60000, wall_ms = 300000, memory_mb = 256 }

-- Runs module "test" on the skill `id`: { passed, failures = { {name, error}, … } }.
-- It keeps the functions it judges by before the version is loaded, which could replace them.
local TEST_RUNNER = [[
local pairs, ipairs, pcall, tostring, sort, require = pairs, ipairs, pcall, tostring, table.sort, require
return {
  run = function(id)
    local tests, names = require("test"), {}
    local skill = require(id)
    for name in pairs(tests) do names[#names + 1] = name end
    sort(names)
    local failures = {}
    for _, name in ipairs(names) do
      local ok, message = pcall(tests[name], skill)
      if not ok then failures[#failures + 1] = { name = name, error = tostring(message) } end
    end
    return { passed = #names - #failures, failures = failures }
  end,
}
]]

local function limited(request)
  for name, value in pairs(LIMITS) do request[name] = value end
  return request
end

local function module_of(skill, source)
  return { source = source, chunk = skill.chunk or skill.id }
end

-- Measures `source` as a version of the skill. `options` are those of the skill's bench function, e.g. { instances,
-- seed, count } or { text, name }.
function judge.measure(skill, source, options)
  if not skill.bench then error("the skill " .. tostring(skill.id) .. " has no bench.lua", 2) end
  local subject = module_of(skill, source)
  -- Not what the judge needs: a version that could draw instances might look ahead.
  subject.modules = skill.own_modules
  return limited({
    source = skill.bench, chunk = "skills/" .. skill.id:gsub("%.", "/") .. "/bench.lua", entry = "bench", args = { options },
    modules = skill.modules, subject = subject,
  })
end

-- An error without the traceback that follows it.
local function first_line(text)
  return (tostring(text):match("^[^\n]*"))
end

-- The measurement in the answer to judge.measure; or nil and why there is none.
function judge.measurement(answer)
  if not answer.ok then return nil, "the measurement failed: " .. first_line(answer.error) end
  local value = answer.value
  if type(value) ~= "table" then return nil, "the judge returned no table" end
  if value.valid == false then return nil, "invalid: " .. tostring(value.reason) end
  return value
end

-- Runs the skill's test.lua on `source`.
function judge.test(skill, source)
  if not skill.test then error("the skill " .. tostring(skill.id) .. " has no test.lua", 2) end
  local modules = {}
  for id, module in pairs(skill.modules or {}) do modules[id] = module end
  modules[skill.id] = module_of(skill, source)
  modules.test = { source = skill.test, chunk = "skills/" .. skill.id:gsub("%.", "/") .. "/test.lua" }
  return limited({
    source = TEST_RUNNER, chunk = "test runner", entry = "run", args = { skill.id }, modules = modules,
  })
end

-- How many tests passed in the answer to judge.test; or nil and the first thing that went wrong.
function judge.passed(answer)
  if not answer.ok then return nil, "the tests did not run to their end: " .. first_line(answer.error) end
  local value = answer.value
  if #value.failures > 0 then
    local first = value.failures[1]
    return nil, string.format("%d of %d tests failed, the first is \"%s\": %s", #value.failures,
      #value.failures + value.passed, first.name, first.error)
  end
  if value.passed == 0 then return nil, "test.lua holds no test" end
  return value.passed
end

return judge
