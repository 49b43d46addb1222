local fixtures = require("tests.lua.agents.fixtures")

local function receive(body, kind)
  local clade, calls = fake_clade({ ["queue.add"] = "r1.1" })
  local support = load_module("agents/support/init.lua", { clade = clade })
  local self = { state = { findings = 0 } }
  support.on_mail(self, { id = "m1", sender = "host", kind = kind or "task_failed", body = body })
  return fixtures.calls_of(calls, "queue.add"), self.state
end

describe("support", function()
  it("makes a finding of a failed task, with cause and evidence", function()
    local added, state = receive({
      task = "t7", type = "build_product", error = "line 3: no memory", attempts = 3, parent = "t1" })
    expect(#added).to_be(1)
    expect(added[1].type).to_be("finding")
    expect(added[1].payload).to_equal({ about = "build_product", task = "t7", cause = "line 3: no memory",
      evidence = { attempts = 3, parent = "t1", command = "clade why t7" } })
    expect(state.findings).to_be(1)
  end)

  it("keeps a long cause short", function()
    local added = receive({ task = "t7", type = "x", error = ("e"):rep(100000), attempts = 1 })
    expect(#added[1].payload.cause).to_be(2000)
  end)

  it("makes no finding of a finding, nor of other mail", function()
    expect(#receive({ task = "t8", type = "finding", error = "e", attempts = 3 })).to_be(0)
    expect(#receive({ task = "t8", type = "x" }, "greeting")).to_be(0)
  end)
end)
