local fixtures = require("tests.lua.agents.fixtures")

local EVIDENCE = { before = 4.1, after = 0.8, comparison = { p = 1e-6, alpha = 0.01, instances = 40 } }

local function payload(changes)
  local all = {
    skill = fixtures.SKILL, parent = "hash of optimize.bin_packing", source = "return 1\n", instances = fixtures.INSTANCES,
    spec = fixtures.spec(), evidence = EVIDENCE, build = "t3", test = "t5", proposal = "p1", proposal_kind = "code",
  }
  for name, value in pairs(changes or {}) do all[name] = value end
  return all
end

local function publish(settings, changes)
  local ids = 0
  return fixtures.run("publisher", fixtures.task("publish", payload(changes), { id = "p1.accept" }), {
    ["swarm.info"] = fixtures.info(settings), ["skill.read"] = fixtures.skills(), ["script.publish"] = "new hash",
    ["proposal.get"] = { state = "accepted", votes = { { voter = "critic", choice = "yes", reason = "gain" } } },
    ["queue.fail"] = true,
    ["queue.add"] = function()
      ids = ids + 1
      return "r1." .. ids
    end,
  })
end

-- A git of its own: `log` is what it finds at each look, `lost` makes the commit's answer unknown.
local function git(options)
  local looks = 0
  return function(args)
    local words = table.concat(args.arguments, " ")
    local function ok(out) return { code = 0, out = out or "", error = "" } end
    if words:find("rev%-parse") then
      if options.outside then return { code = 128, out = "", error = "not a git repository" } end
      return ok("true\n")
    end
    if words:find("git log") then
      looks = looks + 1
      return ok((options.log or {})[looks] or "")
    end
    if words:find("git config") then return { code = options.anonymous and 1 or 0, out = "me@x\n", error = "" } end
    if words:find("commit %-%-quiet") then
      if options.lost then return nil, "the host was killed while it ran", "outcome_unknown" end
      if options.refused then return { code = 1, out = "", error = "hook says no" } end
    end
    return ok()
  end
end

local RELEASE = {
  skill = fixtures.SKILL, hash = ("a"):rep(64), parent = { hash = ("b"):rep(64), source = "" },
  path = "skills/optimize/bin_packing/init.lua", evidence = EVIDENCE, publish = "p1.accept", proposal = "p1",
}

local function commit(options)
  local result, calls = fixtures.run("publisher", fixtures.task("commit_version", RELEASE),
    { ["process.run"] = git(options), ["queue.add"] = "r1.1" })
  local commits = {}
  for _, args in ipairs(fixtures.calls_of(calls, "process.run")) do
    local words = table.concat(args.arguments, " ")
    if words:find("commit %-%-quiet") then commits[#commits + 1] = words end
  end
  return result, commits, fixtures.calls_of(calls, "queue.add")
end

describe("the publisher", function()
  it("installs the version with its lineage and orders the rest", function()
    local result, calls, state = publish()
    expect(result).to_equal({ skill = fixtures.SKILL, hash = "new hash", parent = "hash of optimize.bin_packing" })
    local published = fixtures.calls_of(calls, "script.publish")
    expect(#published).to_be(1)
    expect(published[1].name).to_be("skill:optimize.bin_packing")
    expect(published[1].source).to_be("return 1\n")
    expect(published[1].lineage.parent).to_be("hash of optimize.bin_packing")
    expect(published[1].lineage.proposal).to_be("p1")
    expect(published[1].lineage.seed).to_be(1)
    expect(published[1].lineage.votes).to_equal({ { voter = "critic", choice = "yes", reason = "gain" } })
    local added = fixtures.calls_of(calls, "queue.add")
    expect(#added).to_be(2)
    expect(added[1].type).to_be("measure_release")
    expect(added[1].payload.parent.source).to_be(source("skills/optimize/bin_packing/init.lua"))
    expect(added[2].type).to_be("write_report")
    expect(added[2].after).to_equal({ "r1.1" })
    expect(added[2].payload.measure).to_be("r1.1")
    expect(state.published).to_be(1)
  end)

  it("commits when the swarm does, before the report", function()
    local _, calls = publish({ commit = true })
    local added = fixtures.calls_of(calls, "queue.add")
    expect(added[2].type).to_be("commit_version")
    expect(added[3].after).to_equal({ "r1.1", "r1.2" })
    expect(added[3].payload.commit).to_be("r1.2")
  end)

  it("installs nothing when the skill has changed since the vote", function()
    local _, calls, state = publish(nil, { parent = "another hash" })
    expect(fixtures.calls_of(calls, "queue.fail")[1].reason).to_contain("has changed since the vote")
    expect(#fixtures.calls_of(calls, "script.publish")).to_be(0)
    expect(state.published).to_be(0)
  end)

  it("makes one commit of the skill's file with the lineage", function()
    local result, commits, added = commit({ log = { "", "c0ffee\n" } })
    expect(result).to_equal({ commit = "c0ffee" })
    expect(#commits).to_be(1)
    expect(commits[1]).to_match("^git commit %-%-quiet %-m optimize.bin_packing: publish aaaaaaaa %-m ")
    expect(commits[1]).to_contain("Version: " .. ("a"):rep(64) .. "\nLineage: " .. ("b"):rep(64) .. " -> " .. ("a"):rep(64))
    expect(commits[1]).to_match(" %-%- skills/optimize/bin_packing/init.lua$")
    expect(#added).to_be(0)
  end)

  it("signs for a machine without a name", function()
    local _, commits = commit({ anonymous = true, log = { "", "c0ffee\n" } })
    expect(commits[1]).to_match("^git %-c user.name=clade %-c user.email=clade@localhost commit %-%-quiet ")
  end)

  it("does not commit twice", function()
    local result, commits = commit({ log = { "c0ffee\n" } })
    expect(result).to_equal({ commit = "c0ffee" })
    expect(#commits).to_be(0)
  end)

  it("looks into the log when the answer was lost", function()
    local result, commits, added = commit({ lost = true, log = { "", "c0ffee\n" } })
    expect(result).to_equal({ commit = "c0ffee" })
    expect(#commits).to_be(1)
    expect(#added).to_be(0)
  end)

  it("makes a finding of a commit that cannot be made", function()
    for cause, options in pairs({ ["not a git repository"] = { outside = true }, ["hook says no"] = { refused = true },
      ["not in git's log"] = { lost = true } }) do
      local result, _, added = commit(options)
      expect(result.problem).to_contain(cause)
      expect(#added).to_be(1)
      expect(added[1].type).to_be("finding")
      expect(added[1].payload.cause).to_be(result.problem)
    end
  end)
end)
