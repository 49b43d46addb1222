-- What each function of scripts/std asks the host for: one table, so that a changed name or field is seen.
local cases = {
  { "queue.review", { type = "review", payload = { a = 1 } }, args = { type = "review", payload = { a = 1 } } },
  { "queue.get", "t1", args = { id = "t1" } },
  { "mail.send", { to = "role:pm", kind = "hello" }, args = { to = "role:pm", kind = "hello" } },
  { "ask", { to = "agent:pm", kind = "hello", timeout_ms = 5 }, args = { to = "agent:pm", kind = "hello", timeout_ms = 5 } },
  {
    "proposal.open", { title = "t", kind = "code", voters = { "pm" }, on_accept = { type = "x" } },
    args = { title = "t", kind = "code", voters = { "pm" }, on_accept = { type = "x" } },
  },
  { "proposal.get", "r1.1", args = { id = "r1.1" } },
  { "vote.cast", { proposal = "r1.1", choice = "yes" }, args = { proposal = "r1.1", choice = "yes" } },
  { "script.publish", { name = "skill:a.b", source = "return 1" }, args = { name = "skill:a.b", source = "return 1" } },
  { "script.lineage", "skill:a.b", args = { name = "skill:a.b" } },
  { "file.write", "report/a.md", "text", args = { path = "report/a.md", text = "text" } },
  { "rule.set", "vote.quorum", 3, args = { name = "vote.quorum", value = 3 } },
  { "rule.get", "vote.quorum", args = { name = "vote.quorum" } },
  { "knowledge.read", "a.yaml", args = { path = "a.yaml" } },
  { "knowledge.list", "packing", args = { folder = "packing" } },
  { "knowledge.list", "packing", { limit = 2, after = "a" }, args = { folder = "packing", limit = 2, after = "a" } },
  { "queue.list", { limit = 2, after = "t1" }, args = { limit = 2, after = "t1" } },
  { "data.get", "a", args = { key = "a" } },
  { "data.set", "a", { 1 }, args = { key = "a", value = { 1 } } },
  { "data.delete", "a", args = { key = "a" } },
  { "data.keys", args = {} },
  { "data.keys", { prefix = "a/", after = "a/1", limit = 5 }, args = { prefix = "a/", after = "a/1", limit = 5 } },
  { "skill.list", args = {} },
  { "skill.read", "a.b", args = { id = "a.b" } },
  { "ledger.total", { task = "t1" }, args = { task = "t1" } },
  { "ledger.total", args = {} },
  { "swarm.info", args = {} },
  { "cell.eval", { source = "return 1", args = { 1 } }, args = { source = "return 1", args = { 1 } } },
  {
    "process.run", { "git", "log", "-1", cwd = "sub", timeout_ms = 5 },
    args = { arguments = { "git", "log", "-1" }, cwd = "sub", timeout_ms = 5 },
  },
  { "sleep", 250, args = { ms = 250 } },
}

local function function_named(clade, op)
  local part, name = op:match("^(%a+)%.(%a+)$")
  if part then return clade[part][name] end
  return clade[op]
end

describe("each function of clade", function()
  for _, case in ipairs(cases) do
    local op = case[1]
    it("asks for " .. op, function()
      local clade, calls = fake_clade({ [op] = "answer" })
      expect(function_named(clade, op)(case[2], case[3])).to_be("answer")
      expect(calls[1]).to_equal({ op = op, args = case.args })
    end)

    it("passes an expected failure of " .. op .. " on", function()
      local clade = fake_clade({ [op] = function() return nil, "message", "code" end })
      local value, message, code = function_named(clade, op)(case[2], case[3])
      expect(value).to_be(nil)
      expect(message).to_be("message")
      expect(code).to_be("code")
    end)
  end
end)

describe("misuse", function()
  local clade = fake_clade({})
  local wrong = {
    { "mail.send needs a recipient", function() clade.mail.send({ kind = "x" }) end, "clade.mail.send: field `to`" },
    { "ask needs a kind", function() clade.ask({ to = "agent:a" }) end, "clade.ask: field `kind`" },
    { "votes are yes, no or abstain", function() clade.vote.cast({ proposal = "p", choice = "maybe" }) end,
      "clade.vote.cast: field `choice` must be \"yes\", \"no\" or \"abstain\", not \"maybe\"" },
    { "voters are strings", function() clade.proposal.open({ title = "t", kind = "k", voters = { 1 } }) end,
      "field `voters` must be a list of strings" },
    { "source is text", function() clade.script.publish({ name = "skill:a.b" }) end, "field `source` must be a string" },
    { "a file's text may be empty but not missing", function() clade.file.write("report/x") end, "argument `text`" },
    { "a rule needs a value", function() clade.rule.set("vote.quorum") end, "argument `value` must be given" },
    { "cell.eval's args are a list", function() clade.cell.eval({ source = "", args = { a = 1 } }) end,
      "field `args` must be a list" },
    { "cell.eval's subject needs source", function() clade.cell.eval({ source = "", subject = {} }) end,
      "field `source` of subject" },
    { "cell.eval has no other fields", function() clade.cell.eval({ source = "", cpu = 1 }) end, "no field `cpu`" },
    { "process.run needs a program", function() clade.process.run({ cwd = "x" }) end, "the program's name is missing" },
    { "process.run has no other options", function() clade.process.run({ "ls", shell = true }) end, "no field `shell`" },
    { "process.run's words are strings", function() clade.process.run({ "ls", 5 }) end, "a list of strings" },
    { "sleep takes a number", function() clade.sleep("1") end, "clade.sleep: argument `ms` must be a number" },
    { "all takes functions", function() clade.all({ print, 5 }) end, "clade.all: element 2 is no function" },
    { "any takes functions", function() clade.any({ print, 5 }) end, "clade.any: element 2 is no function" },
    { "any needs a function", function() clade.any({}) end, "clade.any: the list is empty" },
    { "timeout takes a number", function() clade.timeout("1", print) end, "clade.timeout: argument `ms` must be a number" },
    { "timeout takes a function", function() clade.timeout(1) end, "clade.timeout: argument `fn` must be a function" },
    { "data needs a key", function() clade.data.set(nil, 1) end, "clade.data.set: argument `key`" },
    { "data needs a value", function() clade.data.set("a") end, "clade.data.set: argument `value` must be given" },
    { "pages of keys have no other fields", function() clade.data.keys({ before = "a" }) end, "no field `before`" },
    { "random's interval is not empty", function() clade.random(3, 2) end, "the interval is empty: 3 … 2" },
    { "hash takes text", function() clade.hash(5) end, "clade.hash: argument `text`" },
  }
  for _, case in ipairs(wrong) do
    it(case[1], function()
      expect(case[2]).to_fail_with("^tests/lua/std/ops_spec.lua:%d+: ")
      local _, message = pcall(case[2])
      expect(message).to_contain(case[3])
    end)
  end
end)

describe("the run's own", function()
  it("time and log", function()
    local clade, calls = fake_clade({}, { now = 1234 })
    expect(clade.now()).to_be(1234)
    clade.log({ 1 } and 5)
    expect(calls.log).to_equal({ "5" })
  end)

  it("random numbers lie where they are asked for", function()
    local clade = fake_clade({}, { seed = 3 })
    for _ = 1, 200 do
      local unit, die, between = clade.random(), clade.random(6), clade.random(-2, 2)
      expect(unit >= 0 and unit < 1).to_be(true)
      expect(die >= 1 and die <= 6 and die % 1 == 0).to_be(true)
      expect(between >= -2 and between <= 2 and between % 1 == 0).to_be(true)
    end
  end)

  it("results of all come in order", function()
    local clade = fake_clade({ sleep = function(args) return args.ms end })
    expect(clade.all({ function() return clade.sleep(1) end, function() return clade.sleep(2) end })).to_equal({ 1, 2 })
    expect(clade.all({})).to_equal({})
  end)

  it("the first function that returns is that of any", function()
    local clade = fake_clade({ sleep = function(args) return args.ms end })
    local value, index = clade.any({ function() error("out") end, function() return clade.sleep(2) end })
    expect(value).to_be(2)
    expect(index).to_be(2)
    expect(clade.timeout(5, function() return clade.sleep(1) end)).to_be(1)
  end)
end)
