local fixtures = require("tests.lua.agents.fixtures")
local random = require("science.random")

local function answers(changes)
  local all = {
    ["swarm.info"] = fixtures.info(), ["skill.read"] = fixtures.skills(), ["cell.eval"] = fixtures.eval,
    ["proposal.open"] = "r1.1", ["knowledge.read"] = fixtures.knowledge(),
  }
  for op, answer in pairs(changes or {}) do all[op] = answer end
  return all
end

local function test(payload, changes)
  return fixtures.run("tester", fixtures.task("test_product", payload), answers(changes))
end

-- A measured table that is better than best fit on the specs' instances: it avoids leftovers that nothing fills.
local function better_scores()
  local annealing = load_module("skills/optimize/annealing/init.lua", { count = function() end })
  return annealing.search({ spec = "weibull:3:45:100:2000", seed = 1, evaluations = 700 }).scores
end

-- A cell.eval whose measurements are given: lists of the parent and of the candidate.
local function measuring(before, after)
  return function(args)
    if args.entry ~= "bench" then return fixtures.eval(args) end
    local each = args.subject.source == source("skills/optimize/bin_packing/init.lua") and before or after
    local sum = 0
    for _, value in ipairs(each) do sum = sum + value end
    return { ok = true, value = { valid = true, excess = sum / #each, each = each, instances = #each } }
  end
end

local CANDIDATE = fixtures.with_scores({ 1 })

describe("the tester", function()
  it("opens the vote on a candidate that is better", function()
    local candidate = fixtures.with_scores(better_scores())
    local spec = fixtures.spec({ instances = "weibull:3:45:100:2000" })
    local result, calls, state = test({ skill = fixtures.SKILL, source = candidate, spec = spec, build = "t3" })
    expect(result.decision).to_be("accepted")
    expect(result.evidence.comparison.p < 0.01).to_be(true)
    expect(result.evidence.comparison.instances).to_be(40)
    expect(result.evidence.tests).to_be(5)
    local opened = fixtures.calls_of(calls, "proposal.open")
    expect(#opened).to_be(1)
    expect(opened[1].kind).to_be("code")
    expect(opened[1].voters).to_equal({ "critic", "pm", "reviewer", "tester", "hunter" })
    local accepted = opened[1].on_accept
    expect(accepted.type).to_be("publish")
    expect(accepted.approval).to_match("^Publish optimize.bin_packing %x+%?")
    expect(accepted.payload.source).to_be(candidate)
    expect(accepted.payload.parent).to_be("hash of optimize.bin_packing")
    expect(accepted.payload.build).to_be("t3")
    expect(state).to_equal({ tested = 1, refused = 0 })
  end)

  it("refuses a candidate that is worse than its parent, given by hand", function()
    local result, calls, state = test({
      skill = fixtures.SKILL, source = source("tests/support/candidates/worse_than_parent.lua") })
    expect(result.decision).to_be("refused")
    expect(result.reason).to_match("not better than its parent: .* p = ")
    expect(result.evidence.after > result.evidence.before).to_be(true)
    expect(#fixtures.calls_of(calls, "proposal.open")).to_be(0)
    expect(state.refused).to_be(1)
  end)

  it("refuses a candidate that is the same", function()
    local result = test({ skill = fixtures.SKILL, source = CANDIDATE },
      { ["cell.eval"] = measuring({ 4, 4, 4 }, { 4, 4, 4 }) })
    expect(result.decision).to_be("refused")
  end)

  it("refuses candidates that break the rules or their own tests", function()
    for file, reason in pairs({ offline_packer = "tests failed", overfilling = "tests failed" }) do
      local result, calls = test({ skill = fixtures.SKILL, source = source("tests/support/candidates/" .. file .. ".lua") })
      expect(result.decision).to_be("refused")
      expect(result.reason).to_contain(reason)
      expect(#fixtures.calls_of(calls, "proposal.open")).to_be(0)
    end
    local invalid = function(args)
      if args.entry == "run" then return { ok = true, value = { passed = 5, failures = {} } } end
      return fixtures.eval(args)
    end
    local result = test({ skill = fixtures.SKILL, source = source("tests/support/candidates/overfilling.lua") },
      { ["cell.eval"] = invalid })
    expect(result.reason).to_contain("invalid: instance 1, item")
    result = test({ skill = fixtures.SKILL, source = CANDIDATE, spec = fixtures.spec({ parent = "another" }) })
    expect(result.reason).to_contain("has changed since")
  end)

  it("draws the instances from the candidate's hash", function()
    local function seed_for(text)
      local _, calls = test({ skill = fixtures.SKILL, source = text }, { ["cell.eval"] = measuring({ 1, 2 }, { 1, 2 }) })
      for _, args in ipairs(fixtures.calls_of(calls, "cell.eval")) do
        if args.entry == "bench" then
          expect(args.args[1].count >= 30).to_be(true)
          return args.args[1].seed
        end
      end
    end
    local one, other = fixtures.with_scores({ 1 }), fixtures.with_scores({ 2 })
    expect(seed_for(one)).to_be(seed_for(one))
    expect(seed_for(one) ~= seed_for(other)).to_be(true)
  end)

  it("measures at least 30 instances whatever the specification says", function()
    local spec = fixtures.spec({ acceptance = { alpha = 0.01, instances = 5 } })
    local _, calls = test({ skill = fixtures.SKILL, source = CANDIDATE, spec = spec },
      { ["cell.eval"] = measuring({ 1, 2 }, { 1, 2 }) })
    for _, args in ipairs(fixtures.calls_of(calls, "cell.eval")) do
      if args.entry == "bench" then expect(args.args[1].count).to_be(30) end
    end
  end)

  it("adopts at most 6 of 200 candidates whose differences have random signs", function()
    local generator, adopted = random.new(2024), 0
    for _ = 1, 200 do
      local before, after = {}, {}
      for index = 1, 30 do
        local size = generator.uniform()
        before[index], after[index] = 4, generator.uniform() < 0.5 and 4 - size or 4 + size
      end
      local result = test({ skill = fixtures.SKILL, source = CANDIDATE }, {
        ["cell.eval"] = function(args)
          if args.entry == "run" then return { ok = true, value = { passed = 1, failures = {} } } end
          return measuring(before, after)(args)
        end,
      })
      if result.decision == "accepted" then adopted = adopted + 1 end
    end
    expect(adopted <= 6).to_be(true)
  end)

  it("measures a release once on the files of its kind, for the report", function()
    local files = { ["packing/w.txt"] = "2 10\n3 4 5 6\n1 10\n" }
    local release = { skill = fixtures.SKILL, hash = "h", instances = fixtures.INSTANCES,
      parent = { hash = "p", source = source("skills/optimize/bin_packing/init.lua") } }
    local result, calls = fixtures.run("tester", fixtures.task("measure_release", release),
      answers({ ["knowledge.read"] = fixtures.knowledge(files) }))
    expect(#result.files).to_be(1)
    expect(result.files[1].file).to_be("packing/w.txt")
    expect(result.files[1].after).to_equal({ excess = 0, bins = 3, lower_bound = 3, instances = 2 })
    expect(result.files[1].figures.funsearch).to_be(0.68)
    expect(result.installed).to_be("hash of optimize.bin_packing")
    expect(#fixtures.calls_of(calls, "cell.eval")).to_be(2)
  end)

  it("reports what it could not measure instead of failing", function()
    local release = { skill = fixtures.SKILL, hash = "h", instances = fixtures.INSTANCES, parent = { hash = "p", source = "" } }
    local result = fixtures.run("tester", fixtures.task("measure_release", release), answers())
    expect(result.files[1].after.error).to_contain("no file knowledge/packing/w.txt")
    result = fixtures.run("tester", fixtures.task("measure_release", release),
      answers({ ["knowledge.read"] = fixtures.knowledge({ ["packing/w.txt"] = "noise" }) }))
    expect(result.files[1].after.error).to_contain("packing/w.txt:1:")
  end)

  it("votes by the p-value", function()
    expect((fixtures.vote_of("tester", fixtures.code_question()))).to_be("yes")
    expect((fixtures.vote_of("tester", fixtures.code_question({ p = 0.01 })))).to_be("no")
    expect((fixtures.vote_of("tester", fixtures.rule_question({ rule = "vote.quorum", value = 2 })))).to_be("abstain")
  end)

  it("says what a payload needs", function()
    local _, calls = fixtures.run("tester", fixtures.task("test_product", {}), { ["queue.fail"] = true })
    local failed = fixtures.calls_of(calls, "queue.fail")[1]
    expect(failed.reason).to_contain("the payload needs")
    expect(failed.retry).to_be(false)
  end)
end)
