local fixtures = require("tests.lua.agents.fixtures")

describe("meta", function()
  it("carries out an accepted change of a rule", function()
    local result, calls, state = fixtures.run("meta",
      fixtures.task("implement_proposal", { rule = "vote.threshold", value = 0.7, proposal = "p1", proposal_kind = "rule" }),
      { ["rule.get"] = 0.6, ["rule.set"] = true })
    expect(fixtures.calls_of(calls, "rule.set")).to_equal({ { name = "vote.threshold", value = 0.7 } })
    expect(result).to_equal({ rule = "vote.threshold", before = 0.6, value = 0.7 })
    expect(state.changes).to_be(1)
  end)

  it("fails with the reason when the host refuses it", function()
    local _, calls, state = fixtures.run("meta", fixtures.task("implement_proposal", { rule = "vote.quorum", value = 2 }), {
      ["rule.get"] = 3, ["queue.fail"] = true,
      ["rule.set"] = function() return nil, "no accepted proposal", "conflict" end,
    })
    expect(fixtures.calls_of(calls, "queue.fail")[1].reason).to_be("no accepted proposal")
    expect(state.changes).to_be(0)
  end)

  it("puts a change to the vote and then to a person", function()
    local result, calls = fixtures.run("meta",
      fixtures.task("propose_rule", { rule = "vote.quorum", value = 2, reason = "few roles" }),
      { ["rule.get"] = 3, ["proposal.open"] = "r1.1" })
    local opened = fixtures.calls_of(calls, "proposal.open")
    expect(#opened).to_be(1)
    expect(opened[1].kind).to_be("rule")
    expect(opened[1].voters).to_equal({ "critic", "pm", "reviewer" })
    expect(opened[1].on_accept).to_equal({ type = "implement_proposal", payload = { rule = "vote.quorum", value = 2 },
      approval = "Change the rule vote.quorum: 2 instead of 3?" })
    expect(result).to_equal({ proposal = "r1.1", before = 3 })
  end)

  it("proposes no rule that there is not", function()
    local _, calls = fixtures.run("meta", fixtures.task("propose_rule", { rule = "sandbox", value = 2 }), {
      ["queue.fail"] = true, ["rule.get"] = function() return nil, "there is no rule sandbox", "not_found" end,
    })
    expect(fixtures.calls_of(calls, "queue.fail")[1].reason).to_contain("there is no rule sandbox")
  end)
end)
