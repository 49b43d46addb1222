local fixtures = require("tests.lua.agents.fixtures")

local function review(text, changes)
  local answers = {
    ["skill.read"] = fixtures.skills(), ["queue.accept"] = true, ["queue.reject"] = true, ["queue.add"] = "r1.1",
  }
  local payload = { spec = fixtures.spec(changes), source = text, reviews = "t9" }
  return fixtures.run("reviewer", fixtures.task("code_review", payload), answers)
end

local function scores()
  local list = {}
  for index = 1, 101 do list[index] = index * 37 % 101 end
  return list
end

describe("the reviewer", function()
  it("accepts a source whose parameters differ and passes it on", function()
    local candidate = fixtures.with_scores(scores())
    local result, calls, state = review(candidate)
    expect(result.decision).to_be("accepted")
    expect(result.diff.removed).to_be(1)
    expect(fixtures.calls_of(calls, "queue.accept")).to_equal({ { task = "t9" } })
    local added = fixtures.calls_of(calls, "queue.add")
    expect(#added).to_be(1)
    expect(added[1].type).to_be("test_product")
    expect(added[1].payload).to_equal({
      skill = "optimize.bin_packing", source = candidate, spec = fixtures.spec(), build = "t9" })
    expect(state).to_equal({ accepted = 1, rejected = 0 })
  end)

  it("sends back what has no business in a skill, with the line", function()
    local parent = source("skills/optimize/bin_packing/init.lua")
    local cases = {
      ["os.time"] = { (parent:gsub("local current\n", "local current = os.time()\n")), "`os` is not allowed" },
      changed = { (parent:gsub("local used = 0", "local used = 1")), "only the parameter block may change" },
      code = { (parent:gsub("scores = {}", "scores = f()")), "holds only data" },
      equal = { parent, "the parent unchanged" },
      empty = { "", "no source" },
      large = { fixtures.with_scores(scores()), "%d+ bytes, 2000 are allowed", { limits = { bytes = 2000 } } },
      old = { fixtures.with_scores(scores()), "has changed since", { parent = "another" } },
    }
    for _, case in pairs(cases) do
      local result, calls, state = review(case[1], case[3])
      expect(result.decision).to_be("rejected")
      local rejected = fixtures.calls_of(calls, "queue.reject")
      expect(#rejected).to_be(1)
      expect(rejected[1].task).to_be("t9")
      expect(rejected[1].reason).to_match(case[2])
      expect(#fixtures.calls_of(calls, "queue.add")).to_be(0)
      expect(#fixtures.calls_of(calls, "queue.accept")).to_be(0)
      expect(state.rejected).to_be(1)
    end
  end)

  it("votes by reading the source again", function()
    local answers = { ["skill.read"] = fixtures.skills() }
    local good = fixtures.code_question({ source = fixtures.with_scores(scores()) })
    expect((fixtures.vote_of("reviewer", good, answers))).to_be("yes")
    local choice, reason = fixtures.vote_of("reviewer", fixtures.code_question({ source = "return os.time()" }), answers)
    expect(choice).to_be("no")
    expect(reason).to_contain("`os`")
    expect((fixtures.vote_of("reviewer", fixtures.rule_question({ rule = "vote.quorum", value = 2 })))).to_be("yes")
    expect((fixtures.vote_of("reviewer", fixtures.rule_question({ rule = "sandbox", value = 2 })))).to_be("no")
  end)
end)
