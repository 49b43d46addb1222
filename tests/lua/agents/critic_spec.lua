local fixtures = require("tests.lua.agents.fixtures")

local function judge(changes)
  local result, calls, state = fixtures.run("critic", fixtures.task("evaluate_idea", fixtures.idea(changes)),
    { ["queue.add"] = "r1.1" })
  return result, fixtures.calls_of(calls, "queue.add"), state
end

describe("the critic", function()
  it("passes on an idea with headroom for its cost", function()
    local result, added, state = judge()
    expect(result.decision).to_be("accepted")
    expect(added).to_equal({ { type = "write_spec", payload = fixtures.idea() } })
    expect(state).to_equal({ accepted = 1, rejected = 0 })
  end)

  it("rejects an idea that costs too much, with the reason", function()
    local result, added, state = judge({ cost = { evaluations = 10000000 } })
    expect(result).to_equal({ decision = "rejected",
      reason = "too costly: 10000000 evaluations are asked for, the limit is 200000" })
    expect(#added).to_be(0)
    expect(state).to_equal({ accepted = 0, rejected = 1 })
    result = judge({ gap = 0.01, cost = { evaluations = 150000 } })
    expect(result.reason).to_contain("too costly for its headroom")
  end)

  it("has a limit of its own where the goal has none", function()
    local result = judge({ goal = {}, cost = { evaluations = 200001 } })
    expect(result.decision).to_be("rejected")
  end)

  it("rejects an idea without headroom or without figures", function()
    for reason, changes in pairs({
      ["no headroom"] = { gap = 0 }, ["no gap"] = { gap = "much" }, ["how many evaluations"] = { cost = {} },
      ["names no skill"] = { skill = 7 },
    }) do
      local result, added = judge(changes)
      expect(result.decision).to_be("rejected")
      expect(result.reason).to_contain(reason)
      expect(#added).to_be(0)
    end
  end)

  it("votes by gain against cost", function()
    expect((fixtures.vote_of("critic", fixtures.code_question()))).to_be("yes")
    expect((fixtures.vote_of("critic", fixtures.code_question({ candidate = { value = 4.1 } })))).to_be("no")
    expect((fixtures.vote_of("critic", fixtures.code_question({ evaluations = 1e9 })))).to_be("no")
  end)

  it("votes against rules by which a minority decides", function()
    expect((fixtures.vote_of("critic", fixtures.rule_question({ rule = "vote.threshold", value = 0.4 })))).to_be("no")
    expect((fixtures.vote_of("critic", fixtures.rule_question({ rule = "vote.threshold", value = 0.7 })))).to_be("yes")
  end)
end)
