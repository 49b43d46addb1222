local fixtures = require("tests.lua.agents.fixtures")
local lint = require("meta.lint")
local parameters = require("meta.parameters")

local SMALL = { instances = "uniform:3-9:12:60", limits = { evaluations = 41, bytes = 16384 } }

local function build(changes, more, task_changes, state)
  local spec = fixtures.spec(SMALL)
  for name, value in pairs(changes or {}) do spec[name] = value end
  local answers = {
    ["skill.read"] = fixtures.skills(), ["cell.eval"] = fixtures.eval, ["queue.review"] = "r1.1", ["queue.fail"] = true,
  }
  for op, answer in pairs(more or {}) do answers[op] = answer end
  return fixtures.run("builder", fixtures.task("build_product", { spec = spec }, task_changes), answers,
    state or { built = {} })
end

local function searches_of(calls)
  local found = {}
  for _, args in ipairs(fixtures.calls_of(calls, "cell.eval")) do
    if args.entry == "search" then found[#found + 1] = args.args[1] end
  end
  return found
end

describe("the builder", function()
  it("hands in the parent with another parameter block", function()
    local result, calls, state = build()
    local review = fixtures.calls_of(calls, "queue.review")
    expect(#review).to_be(1)
    expect(review[1].type).to_be("code_review")
    local built, parent = review[1].payload.source, source("skills/optimize/bin_packing/init.lua")
    expect(lint.review(built, { parent = parent, only_parameters = true }).problems).to_equal({})
    expect(built ~= parent).to_be(true)
    local _, block = parameters.split(built)
    expect(block).to_match("^local scores = {\n  %[0%] = %d+, %d+")
    expect(state.built.t1).to_be(1)
    expect(result.build).to_be(1)
    expect(result.evaluations).to_be(41)
    expect(result.validation > 0).to_be(true)
    expect(#result.trails).to_be(1)
  end)

  it("spends exactly the evaluations it was given", function()
    local units = 0
    local function counting(args)
      local answer = fixtures.eval(args)
      if args.entry == "search" then units = units + answer.units end
      return answer
    end
    build(nil, { ["cell.eval"] = counting })
    expect(units).to_be(41)
  end)

  it("searches in parts that go on from each other, each from its own seed", function()
    local requests, seeds = {}, {}
    local function pretend(args)
      if args.entry ~= "search" then return { ok = true, value = { valid = true, excess = 1 } } end
      requests[#requests + 1] = args.args[1]
      local scores = {}
      for index = 1, 13 do scores[index] = #requests * 100 + index end
      return { ok = true, value = { scores = scores, excess = 2 } }
    end
    local result = build({ limits = { evaluations = 8003 } }, { ["cell.eval"] = pretend })
    expect(#requests).to_be(8)
    expect(#result.trails).to_be(4)
    local sum = 0
    for _, request in ipairs(requests) do
      expect(request.evaluations == 1000 or request.evaluations == 1001).to_be(true)
      sum = sum + request.evaluations
      expect(seeds[request.seed]).to_be(nil)
      seeds[request.seed] = true
    end
    expect(sum).to_be(8003)
    -- The specs' host runs one island after the other.
    expect(requests[1].start).to_be(nil)
    expect(requests[1].from).to_be(0)
    expect(requests[1].to).to_be(0.5)
    expect(requests[2].start[1]).to_be(101)
    expect(requests[2].to).to_be(1)
    expect(requests[3].start).to_be(nil)
  end)

  it("takes the island that the judge finds best, the first of equals", function()
    local values, at = { 3, 1, 1, 2 }, 0
    local function pretend(args)
      if args.entry == "search" then return { ok = true, value = { scores = { 1, 2, 3 }, excess = 1 } } end
      at = at + 1
      return { ok = true, value = { valid = true, excess = values[at] } }
    end
    local result = build({ limits = { evaluations = 8000 } }, { ["cell.eval"] = pretend })
    expect(result.island).to_be(2)
    expect(result.validation).to_be(1)
  end)

  it("builds the same again from the same seed, and something else from another", function()
    local hash = build().hash
    expect(build().hash).to_be(hash)
    expect(build({ seed = 2 }).hash ~= hash).to_be(true)
    -- An attempt that was cut off is the same build; one that was sent back is the next.
    expect(build(nil, nil, { attempt = 2 }).hash).to_be(hash)
    local next_build = build(nil, nil, { attempt = 2, error = "line 3: …" }, { built = { t1 = 1 } })
    expect(next_build.hash ~= hash).to_be(true)
    expect(next_build.build).to_be(2)
    expect(next_build.rejected).to_be("line 3: …")
  end)

  it("asks again for what was cut off, and gives up on what is wrong", function()
    local asked = 0
    local function shaky(args)
      asked = asked + 1
      if asked % 2 == 1 then return { ok = false, code = "killed", error = "killed" } end
      return fixtures.eval(args)
    end
    expect(build(nil, { ["cell.eval"] = shaky }).hash).to_be(build().hash)
    expect(asked).to_be(4)
    expect(function() build(nil, { ["cell.eval"] = { ok = false, code = "error", error = "line 7" } }) end)
      .to_fail_with("the search failed: line 7")
    expect(function() build(nil, { ["cell.eval"] = { ok = false, code = "cpu", error = "too slow" } }) end)
      .to_fail_with("the search failed: too slow")
  end)

  it("never sees a test file", function()
    local _, calls = build()
    expect(#fixtures.calls_of(calls, "knowledge.read")).to_be(0)
    for _, request in ipairs(searches_of(calls)) do expect(request.spec).to_be(SMALL.instances) end
    for _, args in ipairs(fixtures.calls_of(calls, "cell.eval")) do
      if args.entry == "bench" then
        expect(args.args[1].text).to_be(nil)
        expect(args.subject ~= nil).to_be(true)
      end
    end
  end)

  it("fails for good when the skill has changed meanwhile or there is nothing to search with", function()
    local _, calls = build({ parent = "another" })
    expect(fixtures.calls_of(calls, "queue.fail")[1].reason).to_contain("has changed since")
    expect(fixtures.calls_of(calls, "queue.fail")[1].retry).to_be(false)
    _, calls = build({ limits = { evaluations = 1 } })
    expect(fixtures.calls_of(calls, "queue.fail")[1].reason).to_contain("at least 2 evaluations")
  end)

  it("says what a payload needs", function()
    local _, calls = fixtures.run("builder", fixtures.task("build_product", {}), { ["queue.fail"] = true })
    local failed = fixtures.calls_of(calls, "queue.fail")[1]
    expect(failed.reason).to_contain("the payload needs")
    expect(failed.retry).to_be(false)
  end)
end)
