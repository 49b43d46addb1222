local fixtures = require("tests.lua.agents.fixtures")

describe("the pm", function()
  it("writes the specification and asks a person before it is built", function()
    local result, calls, state = fixtures.run("pm", fixtures.task("write_spec", fixtures.idea()),
      { ["swarm.info"] = fixtures.info(), ["queue.add"] = "r1.1" })
    local added = fixtures.calls_of(calls, "queue.add")
    expect(#added).to_be(1)
    expect(added[1].type).to_be("build_product")
    expect(added[1].approval).to_match("^Build a better optimize.bin_packing%?.*4.10 %%.*0.68 %%; up to 900 evaluations")
    local spec = added[1].payload.spec
    expect(spec.metric).to_be("excess")
    expect(spec.target).to_be(1.0)
    expect(spec.limits).to_equal({ evaluations = 900, bytes = 16384 })
    expect(spec.acceptance).to_equal({ test = "wilcoxon", alpha = 0.01, instances = 40 })
    expect(spec.parent).to_be("hash of optimize.bin_packing")
    expect(spec.seed).to_be(1)
    expect(result.task).to_be("r1.1")
    expect(state.specs).to_be(1)
  end)

  it("keeps findings by what failed and says what to do", function()
    local state = { specs = 0, kinds = 0, findings = {} }
    local finding = { about = "build_product", task = "t7", cause = "no memory", evidence = {} }
    fixtures.run("pm", fixtures.task("finding", finding), {}, state)
    finding.task = "t8"
    local result = fixtures.run("pm", fixtures.task("finding", finding), {}, state)
    expect(result.count).to_be(2)
    expect(result.filed).to_be(true)
    expect(result.action).to_contain("clade why t8")
    expect(state.findings.build_product).to_equal({ count = 2, last = { task = "t8", cause = "no memory" } })
  end)

  it("keeps no more kinds of findings than fit", function()
    local state = { specs = 0, kinds = 0, findings = {} }
    for index = 1, 80 do
      fixtures.run("pm", fixtures.task("finding", { about = "kind_" .. index, task = "t", cause = "c" }), {}, state)
    end
    local kinds = 0
    for _ in pairs(state.findings) do kinds = kinds + 1 end
    expect(kinds).to_be(51)
    expect(state.findings.other.count).to_be(30)
  end)

  it("votes by the specification", function()
    expect((fixtures.vote_of("pm", fixtures.code_question()))).to_be("yes")
    expect((fixtures.vote_of("pm", fixtures.code_question({ p = 0.02 })))).to_be("no")
    expect((fixtures.vote_of("pm", fixtures.code_question({ p = 0 / 0 })))).to_be("no")
    expect((fixtures.vote_of("pm", fixtures.code_question({ candidate = { value = 1.2 } })))).to_be("abstain")
    expect((fixtures.vote_of("pm", fixtures.rule_question({ rule = "vote.quorum", value = 2, reason = "small" })))).to_be("yes")
    expect((fixtures.vote_of("pm", fixtures.rule_question({ rule = "vote.quorum", value = 2 })))).to_be("no")
  end)

  it("says what a payload needs", function()
    local _, calls = fixtures.run("pm", fixtures.task("write_spec", {}), { ["queue.fail"] = true })
    local failed = fixtures.calls_of(calls, "queue.fail")[1]
    expect(failed.reason).to_contain("the payload needs")
    expect(failed.retry).to_be(false)
  end)
end)
