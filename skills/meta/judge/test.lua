-- luacheck: read globals load

local SKILL = {
  id = "a.b", chunk = "skills/a/b/init.lua", bench = "return {}", modules = { ["c.d"] = { source = "return 1", chunk = "c" } },
  test = "return { fits = function(skill) assert(skill.size < 3) end, ['has a size'] = function(skill) assert(skill.size) end }",
}

-- Runs a request as a cell would.
local function run(request)
  local function load_module(id)
    return load(request.modules[id].source)()
  end
  local runner = load(request.source, request.chunk, "t", {
    require = load_module, pairs = pairs, ipairs = ipairs, pcall = pcall, table = table, tostring = tostring,
  })()
  return { ok = true, value = runner[request.entry](unpack(request.args)) }
end

return {
  ["measures in a VM of its own"] = function(skill)
    local request = skill.measure(SKILL, "return { x = 1 }", { seed = 2 })
    assert(request.source == SKILL.bench and request.chunk == "skills/a/b/bench.lua" and request.entry == "bench")
    assert(request.args[1].seed == 2 and request.subject.source == "return { x = 1 }")
    assert(request.modules == SKILL.modules and request.modules["a.b"] == nil)
    assert(request.cpu_ms and request.wall_ms and request.memory_mb)
  end,
  ["takes only valid measurements"] = function(skill)
    assert(skill.measurement({ ok = true, value = { valid = true, excess = 1 } }).excess == 1)
    for _, answer in ipairs({ { ok = false, error = "why" }, { ok = true, value = { valid = false, reason = "why" } } }) do
      local value, reason = skill.measurement(answer)
      assert(value == nil and reason:find("why"))
    end
    assert(skill.measurement({ ok = true, value = 7 }) == nil)
  end,
  ["runs the tests on the version given"] = function(skill)
    assert(skill.passed(run(skill.test(SKILL, "return { size = 2 }"))) == 2)
    local passed, reason = skill.passed(run(skill.test(SKILL, "return { size = 5 }")))
    assert(passed == nil and reason:find("1 of 2 tests failed, the first is \"fits\""), reason)
    assert(skill.passed({ ok = false, error = "killed" }) == nil)
  end,
}
