-- The liaison tells people what happened. Every figure in the report stands beside the command that gives it again.

local plot = require("science.plot")

local KIND = "cell.eval"
local COUNT_SQL = "select sum(units) from ledger where kind = '" .. KIND .. "'"
local CPU_SQL = "select round(sum(cpu_us) / 1e6, 1) from ledger where kind = '" .. KIND .. "'"

local function percent(value)
  return string.format("%.2f %%", value)
end

local function sql(query)
  return "`sqlite3 .clade/clade.db \"" .. query .. "\"`"
end

-- A text within a cell of a Markdown table.
local function cell(text)
  return (tostring(text):gsub("[\r\n]+", " "):gsub("|", "\\|"))
end

local function markdown_table(rows)
  local lines = {}
  for index, row in ipairs(rows) do
    local cells = {}
    for place, text in ipairs(row) do cells[place] = cell(text) end
    lines[#lines + 1] = "| " .. table.concat(cells, " | ") .. " |"
    if index == 1 then lines[#lines + 1] = "|" .. ("---|"):rep(#row) end
  end
  return table.concat(lines, "\n") .. "\n"
end

local function shown(measured)
  if not measured then return "not measured" end
  if measured.error then return "not measured: " .. measured.error end
  return string.format("%s (%d bins, lower bound %d)", percent(measured.excess), measured.bins, measured.lower_bound)
end

-- The commands that measure the released version and its parent, as Markdown. `options` are those of the bench.
local function bench_commands(release, options)
  local bench = "`clade skill bench " .. release.skill .. " " .. options .. "`"
  local back = "`clade script rollback " .. release.skill .. " --to "
  return bench, "`clade run --detach`, " .. back .. release.parent.hash:sub(1, 8) .. "`, " .. bench .. ", " .. back ..
    release.hash:sub(1, 8) .. "`, `clade stop`"
end

-- One row per figure on a test file.
local function file_rows(release, result)
  local parent, now = release.parent.hash:sub(1, 8), release.hash:sub(1, 8)
  local bench, bench_parent = bench_commands(release, "--data knowledge/" .. result.file)
  local published = "`knowledge/packing/figures.yaml`, benchmark " .. result.benchmark
  return {
    { "figure on " .. result.file, "excess", "command or source" },
    { "before (" .. parent .. ")", shown(result.before), bench_parent },
    { "after (" .. now .. ")", shown(result.after), bench },
    { "best fit, as published", percent(result.figures.best_fit), published },
    { "FunSearch, as published", percent(result.figures.funsearch), published },
  }
end

local function files_section(release, measured)
  local parts = {}
  for _, result in ipairs(measured.files or {}) do parts[#parts + 1] = markdown_table(file_rows(release, result)) end
  if #parts == 0 then
    parts[1] = "No published test file has instances like " .. tostring(release.instances) .. ".\n"
  end
  if measured.installed and measured.installed ~= release.hash then
    parts[#parts + 1] = "The version measured as \"after\" is " .. measured.installed:sub(1, 8) .. ".\n"
  end
  return "Measured once, after everything was decided; nothing was trained or selected on these files.\n\n" ..
    table.concat(parts, "\n")
end

local function evidence_section(release)
  local evidence = release.evidence or {}
  if not evidence.comparison then return "None is recorded.\n" end
  local comparison = evidence.comparison
  local command = "`clade task show " .. tostring(release.test) .. "`"
  local bench, bench_parent = bench_commands(release, "--instances " .. evidence.instances .. " --seed " .. evidence.seed)
  return markdown_table({
    { "figure on fresh instances", "value", "command" },
    { "instances", comparison.instances .. " of " .. evidence.instances .. ", seed " .. evidence.seed, command },
    { "mean excess before", percent(evidence.before), bench_parent },
    { "mean excess after", percent(evidence.after), bench },
    { "better on", comparison.wins .. " of " .. comparison.instances, command },
    { "paired one-sided Wilcoxon", string.format("p = %.3g, below %.3g is needed", comparison.p, comparison.alpha), command },
    { "the skill's own tests passed", evidence.tests, "`clade skill test " .. release.skill .. "`" },
  })
end

local function cost_section(total, build, evaluations)
  return markdown_table({
    { "cost", "value", "command" },
    { "evaluations (all of the swarm)", total.units, sql(COUNT_SQL) },
    { "of these in the search", evaluations or "not recorded", "`clade task show " .. tostring(build) .. "`" },
    { "CPU-seconds of these", string.format("%.1f", total.cpu_ms / 1000), sql(CPU_SQL) },
    { "cells started for them", total.count, sql("select count(*) from ledger where kind = '" .. KIND .. "'") },
  })
end

local function votes_section(release)
  local proposal = release.proposal and clade.proposal.get(release.proposal)
  if not proposal then return "There was no vote: an operator ordered the publication.\n" end
  local rows = { { "voter", "vote", "reason" } }
  for _, vote in ipairs(proposal.votes) do rows[#rows + 1] = { vote.voter, vote.choice, vote.reason } end
  return markdown_table(rows) .. "\nProposal " .. release.proposal .. " is " .. proposal.state .. ": " ..
    tostring(proposal.reason) .. ". Command: " ..
    sql("select voter, choice, reason from vote where proposal = '" .. release.proposal .. "'") .. "\n"
end

-- Who approved a task, or nil.
local function approver(task)
  for _, event in ipairs(task and task.events or {}) do
    if event.verb == "approve" then return event.agent, event.detail end
  end
end

local function approvals_section(release)
  local rows = { { "question", "approved by", "command" } }
  for _, id in ipairs({ release.build or false, release.publish or false }) do
    local task = id and clade.queue.get(id)
    local who, why = approver(task)
    if who then
      local by = who .. (why and why ~= "" and " (" .. why .. ")" or "")
      rows[#rows + 1] = { task.approval, by, "`clade task show " .. id .. "`" }
    end
  end
  if #rows == 1 then return "None was asked for.\n" end
  return markdown_table(rows)
end

local function lineage_section(release, commit)
  local seed = release.spec and release.spec.seed
  local rows = {
    { "what", "value", "command" },
    { "version", release.hash, "`clade script show skill:" .. release.skill .. "`" },
    { "its parent", release.parent.hash, "`clade script diff " .. release.skill .. "`" },
    { "seed", seed or "none", "`clade task show " .. tostring(release.build) .. "`" },
    { "all that led to it", "task " .. release.publish, "`clade why " .. release.publish .. "`" },
  }
  if commit then
    rows[#rows + 1] = { "git commit", commit.commit or "none: " .. tostring(commit.problem),
      "`git log -1 --format=full " .. (commit.commit or "") .. "`" }
  end
  return markdown_table(rows)
end

-- The bars of the first test file, or of the comparison on fresh instances where no file was measured.
local function draw_result(release, measured)
  local result = (measured.files or {})[1]
  local bars, title
  if result and result.after and result.after.excess and result.before.excess then
    title = "Excess over the lower bound on " .. result.benchmark
    bars = {
      { label = "before", value = result.before.excess }, { label = "after", value = result.after.excess },
      { label = "best fit (published)", value = result.figures.best_fit },
      { label = "FunSearch (published)", value = result.figures.funsearch },
    }
  elseif release.evidence and release.evidence.before then
    title = "Excess over the lower bound on fresh instances"
    bars = { { label = "before", value = release.evidence.before }, { label = "after", value = release.evidence.after } }
  else
    return nil
  end
  return plot.bars({ title = title, unit = " %", bars = bars })
end

local function draw_search(built)
  if not built or not built.trails or #built.trails == 0 then return nil end
  local lines = {}
  for index, trail in ipairs(built.trails) do lines[index] = { label = "island " .. index, points = trail } end
  return plot.lines({ title = "Excess on the training instances of each island", x_label = "evaluations of the island",
    y_label = "excess, %", lines = lines })
end

local function result_of(id)
  local task = id and clade.queue.get(id)
  return task and task.result or nil
end

-- payload: the release, as the publisher describes it.
local function write_report(task)
  local release = task.payload
  local measured, built, commit = result_of(release.measure) or {}, result_of(release.build), result_of(release.commit)
  local total = clade.ledger.total({ kind = KIND })
  local result_plot, search_plot = draw_result(release, measured), draw_search(built)
  local parts = {
    "# " .. release.skill .. ": version " .. release.hash:sub(1, 8) .. "\n",
    "Commands are to be run in the swarm's folder.\n",
    result_plot and "![Excess before and after, best fit and FunSearch](plot.svg)\n" or "",
    "## Test files\n", files_section(release, measured),
    "## Evidence for the decision\n", evidence_section(release),
    "## Cost\n", cost_section(total, release.build, built and built.evaluations),
    search_plot and "![Training excess over the evaluations](search.svg)\n" or "",
    "## Votes\n", votes_section(release), "## Approvals\n", approvals_section(release),
    "## Lineage\n", lineage_section(release, commit),
  }
  clade.file.write("report/report.md", table.concat(parts, "\n"))
  if result_plot then clade.file.write("report/plot.svg", result_plot) end
  if search_plot then clade.file.write("report/search.svg", search_plot) end
  return { report = "report/report.md", evaluations = total.units, cpu_ms = total.cpu_ms }
end

return {
  api = 1,
  tasks = { "write_report" },
  state = { reports = 0 },

  on_task = function(self, task)
    local result = write_report(task)
    self.state.reports = self.state.reports + 1
    return result
  end,

  selftest = function()
    assert(markdown_table({ { "a", "b" }, { "x|y", "1\n2" } }) == "| a | b |\n|---|---|\n| x\\|y | 1 2 |\n")
  end,
}
