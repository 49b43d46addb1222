local fixtures = require("tests.lua.agents.fixtures")

local FIGURES = { first_fit = 4.23, best_fit = 3.98, funsearch = 0.68 }

local function release(changes)
  local all = {
    skill = fixtures.SKILL, hash = ("a"):rep(64), parent = { hash = ("b"):rep(64), source = "" }, instances = fixtures.INSTANCES,
    evidence = { before = 4.1, after = 0.8, tests = 5, instances = fixtures.INSTANCES, seed = 77,
      comparison = { p = 1e-6, alpha = 0.01, instances = 40, wins = 40 } },
    build = "t3", test = "t5", publish = "p1.accept", proposal = "p1", measure = "t8", commit = "t9", spec = fixtures.spec(),
  }
  for name, value in pairs(changes or {}) do all[name] = value end
  return all
end

local function tasks(measured)
  local all = {
    t3 = { id = "t3", approval = "Build it?", events = { { verb = "approve", agent = "ann", detail = "go on" } },
      result = { evaluations = 900, trails = { { { 450, 3 }, { 900, 1 } }, { { 450, 2.5 } } } } },
    ["p1.accept"] = { id = "p1.accept", approval = "Publish | it?",
      events = { { verb = "hold" }, { verb = "approve", agent = "bob", detail = "" } } },
    t8 = { id = "t8", result = measured }, t9 = { id = "t9", result = { commit = "c0ffee" } },
  }
  return function(args) return all[args.id] end
end

local MEASURED = { installed = ("a"):rep(64), files = { {
  file = "packing/w.txt", benchmark = "W", figures = FIGURES,
  before = { excess = 3.984, bins = 10335, lower_bound = 9939 }, after = { excess = 0.8, bins = 10018, lower_bound = 9939 },
} } }

local function report(changes, measured)
  local result, calls, state = fixtures.run("liaison", fixtures.task("write_report", release(changes)), {
    ["queue.get"] = tasks(measured or MEASURED), ["file.write"] = true,
    ["ledger.total"] = { units = 1234, cpu_ms = 56700, count = 21 },
    ["proposal.get"] = { state = "accepted", reason = "3 of 3 voted", votes = {
      { voter = "critic", choice = "yes", reason = "worth | it" }, { voter = "pm", choice = "abstain", reason = "short" } } },
  })
  local files = {}
  for _, args in ipairs(fixtures.calls_of(calls, "file.write")) do files[args.path] = args.text end
  return files, result, state, calls
end

-- The row of a table that begins with these words.
local function row(text, words)
  for line in text:gmatch("[^\n]+") do
    if line:sub(1, #words + 2) == "| " .. words then return line end
  end
  error("no row begins with " .. words)
end

describe("the liaison", function()
  it("writes every figure beside the command that gives it again", function()
    local files, result, state = report()
    local text = files["report/report.md"]
    expect(row(text, "after (aaaaaaaa)")).to_contain("0.80 % (10018 bins, lower bound 9939) | " ..
      "`clade skill bench optimize.bin_packing --data knowledge/packing/w.txt`")
    expect(row(text, "before (bbbbbbbb)")).to_contain("3.98 %")
    expect(row(text, "before (bbbbbbbb)")).to_contain("--to bbbbbbbb")
    expect(row(text, "best fit, as published")).to_contain("3.98 %")
    expect(row(text, "FunSearch, as published")).to_contain("0.68 %")
    expect(row(text, "mean excess after")).to_contain("0.80 % | `clade skill bench optimize.bin_packing --instances " ..
      fixtures.INSTANCES .. " --seed 77`")
    expect(row(text, "mean excess before")).to_contain(
      "4.10 % | `clade run --detach`, `clade script rollback optimize.bin_packing --to bbbbbbbb`")
    expect(row(text, "paired one-sided Wilcoxon")).to_contain("p = 1e-06")
    expect(result.report).to_be("report/report.md")
    expect(state.reports).to_be(1)
  end)

  it("takes cost from the ledger", function()
    local files, result, _, calls = report()
    local text = files["report/report.md"]
    expect(row(text, "evaluations (all of the swarm)")).to_contain("| 1234 | `sqlite3 .clade/clade.db \"select sum(units)")
    expect(row(text, "CPU-seconds")).to_contain("| 56.7 |")
    expect(fixtures.calls_of(calls, "ledger.total")).to_equal({ { kind = "cell.eval" } })
    expect(result.evaluations).to_be(1234)
  end)

  it("names who voted, who approved and where the version comes from", function()
    local text = report()["report/report.md"]
    expect(row(text, "critic")).to_be("| critic | yes | worth \\| it |")
    expect(row(text, "pm")).to_contain("abstain")
    expect(row(text, "Build it?")).to_contain("ann (go on)")
    expect(row(text, "Publish \\| it?")).to_contain("| bob |")
    expect(row(text, "git commit")).to_contain("c0ffee")
    expect(row(text, "version")).to_contain(("a"):rep(64))
    expect(row(text, "all that led to it")).to_contain("clade why p1.accept")
  end)

  it("draws the result and the search", function()
    local files = report()
    expect(files["report/plot.svg"]).to_contain("before: 3.984 %; after: 0.8 %; best fit (published): 3.98 %; " ..
      "FunSearch (published): 0.68 %")
    expect(files["report/search.svg"]).to_contain("island 1: from 3 to 1; island 2: from 2.5 to 2.5")
  end)

  it("says what could not be measured", function()
    local measured = { files = { { file = "packing/w.txt", benchmark = "W", figures = FIGURES,
      before = { error = "packing/w.txt:1: noise" }, after = { error = "packing/w.txt:1: noise" } } } }
    local files = report(nil, measured)
    expect(row(files["report/report.md"], "after (aaaaaaaa)")).to_contain("not measured: packing/w.txt:1: noise")
    expect(files["report/plot.svg"]).to_contain("fresh instances")
    expect(report(nil, { files = {} })["report/report.md"]).to_contain("No published test file")
  end)

  it("reports a publication that an operator ordered", function()
    local text = report({ proposal = false, commit = false, build = false })["report/report.md"]
    expect(text).to_contain("There was no vote")
    expect(text:find("git commit")).to_be(nil)
  end)
end)
