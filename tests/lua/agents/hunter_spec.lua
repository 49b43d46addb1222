local fixtures = require("tests.lua.agents.fixtures")

local function answers(changes)
  local all = {
    ["swarm.info"] = fixtures.info(), ["skill.read"] = fixtures.skills(), ["knowledge.read"] = fixtures.knowledge(),
    ["cell.eval"] = fixtures.eval, ["queue.add"] = "r1.1",
  }
  for op, answer in pairs(changes or {}) do all[op] = answer end
  return all
end

local function scan(changes, payload)
  return fixtures.run("hunter", fixtures.task("scan_skills", payload or { goal = fixtures.goal() }), answers(changes))
end

describe("the hunter", function()
  it("measures the skill with its judge and files the idea", function()
    local result, calls, state = scan()
    expect(state.scans).to_be(1)
    local added = fixtures.calls_of(calls, "queue.add")
    expect(#added).to_be(1)
    expect(added[1].type).to_be("evaluate_idea")
    local idea = added[1].payload
    expect(idea.skill).to_be("optimize.bin_packing")
    expect(idea.parent).to_be("hash of optimize.bin_packing")
    expect(idea.best_known).to_equal({ value = 0.68, method = "funsearch", benchmark = "W" })
    expect(idea.measured.value > 3 and idea.measured.value < 9).to_be(true)
    expect(idea.gap).to_be_near(idea.measured.value - 0.68, 1e-9)
    expect(idea.cost).to_equal({ evaluations = 900 })
    expect(result.found[1].measured).to_be(idea.measured.value)
  end)

  it("looks at generated instances only", function()
    local _, calls = scan()
    for _, read in ipairs(fixtures.calls_of(calls, "knowledge.read")) do expect(read.path).to_be("packing/figures.yaml") end
    local options = fixtures.calls_of(calls, "cell.eval")[1].args[1]
    expect(options.text).to_be(nil)
    expect(options.instances).to_be(fixtures.INSTANCES)
  end)

  it("compares with the figures for these instances", function()
    local _, calls = scan({ ["swarm.info"] = fixtures.info({ instances = "uniform:20-100:150" }) })
    expect(fixtures.calls_of(calls, "queue.add")[1].payload.best_known)
      .to_equal({ value = 3.11, method = "funsearch", benchmark = "OR3" })
    _, calls = scan({ ["swarm.info"] = fixtures.info({ instances = "uniform:5-9:50:40" }) })
    expect(fixtures.calls_of(calls, "queue.add")[1].payload.best_known.method).to_be("the goal's target")
  end)

  it("scans all goals when none is named", function()
    local _, calls = scan(nil, {})
    expect(#fixtures.calls_of(calls, "queue.add")).to_be(1)
  end)

  it("fails with the reason when it cannot measure", function()
    local _, calls = scan({ ["queue.fail"] = true, ["cell.eval"] = { ok = false, error = "killed", code = "killed" } })
    expect(fixtures.calls_of(calls, "queue.fail")[1].reason).to_contain("the measurement failed: killed")
    expect(#fixtures.calls_of(calls, "queue.add")).to_be(0)
    _, calls = scan({ ["queue.fail"] = true, ["skill.read"] = function() return nil, "there is no skill x", "not_found" end })
    expect(fixtures.calls_of(calls, "queue.fail")[1].reason).to_contain("there is no skill x")
  end)

  it("votes for what comes closer to the best figure", function()
    expect((fixtures.vote_of("hunter", fixtures.code_question()))).to_be("yes")
    expect((fixtures.vote_of("hunter", fixtures.code_question({ candidate = { value = 4.2 } })))).to_be("no")
    expect((fixtures.vote_of("hunter", fixtures.rule_question({ rule = "vote.quorum", value = 2 })))).to_be("abstain")
  end)
end)
