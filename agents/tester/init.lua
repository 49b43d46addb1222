-- The tester decides by evidence: the skill's own tests, then a comparison with the parent on instances that did not exist
-- when the candidate was handed in (their seed comes from the candidate's hash).

local instances = require("optimize.packing_instances")
local judge = require("meta.judge")
local random = require("science.random")
local statistics = require("science.statistics")

local ACCEPTANCE = { alpha = 0.01, instances = 40 }
local FEWEST_INSTANCES = 30
local VOTERS = { "critic", "pm", "reviewer", "tester", "hunter" }
local FIGURES = "packing/figures.yaml"

local function evaluate(request)
  return function() return clade.cell.eval(request) end
end

-- Compares lists of the parent's and the candidate's results on the same instances, lower is better.
local function comparison(before, after, alpha)
  local differences, wins = {}, 0
  for index, value in ipairs(before) do
    differences[index] = value - after[index]
    if differences[index] > 0 then wins = wins + 1 end
  end
  local test = statistics.wilcoxon(differences)
  return {
    p = test.p, w = test.w, n = test.n, exact = test.exact, alpha = alpha, wins = wins, instances = #before,
    median_gain = statistics.median(differences), better = test.p < alpha,
  }
end

-- Why a candidate is refused without a comparison, or nil and the number of tests passed.
local function failed_tests(skill, source)
  local passed, reason = judge.passed(clade.cell.eval(judge.test(skill, source)))
  if not passed then return reason end
  return nil, passed
end

-- Both versions on fresh instances: the measurements of the parent and of the candidate, or nil and why there are none.
local function measure_both(skill, source, spec)
  local seed = random.derive(clade.swarm.info().settings.seed, "test", clade.hash(source))
  local count = math.max(FEWEST_INSTANCES, spec.acceptance.instances)
  local options = { instances = spec.instances, seed = seed, count = count }
  local answers = clade.all({
    evaluate(judge.measure(skill, skill.source, options)), evaluate(judge.measure(skill, source, options)),
  })
  local before, problem = judge.measurement(answers[1])
  if not before then error("the parent: " .. problem, 0) end
  local after, reason = judge.measurement(answers[2])
  return before, after, reason, seed
end

local function propose(task, skill, source, spec, evidence)
  local hash = clade.hash(source)
  local question = string.format("Publish %s %s? %.2f %% instead of %.2f %% on %d fresh instances, p = %.2g.", spec.skill,
    hash:sub(1, 8), evidence.after, evidence.before, evidence.comparison.instances, evidence.comparison.p)
  return clade.proposal.open({
    title = string.format("%s %s: %.2f %% instead of %.2f %%", spec.skill, hash:sub(1, 8), evidence.after, evidence.before),
    kind = "code", voters = VOTERS,
    body = {
      skill = spec.skill, parent = skill.hash, hash = hash, source = source, instances = spec.instances,
      limits = spec.limits, target = spec.target, before = { value = evidence.before }, candidate = { value = evidence.after },
      best_known = spec.best_known and spec.best_known.value or spec.target or 0, p = evidence.comparison.p,
      alpha = evidence.comparison.alpha, evaluations = spec.limits.evaluations or 0, tests = evidence.tests,
    },
    on_accept = {
      type = "publish", approval = question,
      payload = {
        skill = spec.skill, parent = skill.hash, source = source, instances = spec.instances, spec = spec,
        evidence = evidence, build = task.payload.build, test = task.id,
      },
    },
  })
end

-- payload: { skill, source } and, from a build, { spec, build }.
local function test_product(task)
  local payload = task.payload or {}
  if type(payload.skill) ~= "string" or type(payload.source) ~= "string" then
    return clade.queue.fail(task, "the payload needs { skill = \"layer.name\", source = \"the candidate's text\" }",
      { retry = false })
  end
  local skill, problem = clade.skill.read(payload.skill)
  if not skill then return clade.queue.fail(task, problem, { retry = false }) end
  local spec = payload.spec or {}
  spec.skill, spec.acceptance, spec.limits = payload.skill, spec.acceptance or ACCEPTANCE, spec.limits or {}
  spec.instances = spec.instances or clade.swarm.info().settings.instances
  local function refuse(reason, evidence)
    return { decision = "refused", reason = reason, hash = clade.hash(payload.source), evidence = evidence }
  end
  if spec.parent and spec.parent ~= skill.hash then
    return refuse(spec.skill .. " has changed since the candidate was built")
  end

  local reason, passed = failed_tests(skill, payload.source)
  if reason then return refuse(reason) end
  local before, after, invalid, seed = measure_both(skill, payload.source, spec)
  if not after then return refuse(invalid) end
  local evidence = {
    tests = passed, before = before.excess, after = after.excess, instances = spec.instances, seed = seed,
    comparison = comparison(before.each, after.each, spec.acceptance.alpha),
  }
  if not evidence.comparison.better then
    return refuse(string.format("not better than its parent: %.2f %% against %.2f %%, p = %.3g, below %.3g is needed",
      after.excess, before.excess, evidence.comparison.p, evidence.comparison.alpha), evidence)
  end
  return { decision = "accepted", evidence = evidence, proposal = propose(task, skill, payload.source, spec, evidence) }
end

-- One version on one file: { excess, bins, lower_bound, instances }, or { error }.
local function measure_file(skill, source, path, text)
  local measured, reason = judge.measurement(clade.cell.eval(judge.measure(skill, source, { text = text, name = path })))
  if not measured then return { error = reason } end
  return {
    excess = measured.excess, bins = measured.bins, lower_bound = measured.lower_bound, instances = measured.instances,
  }
end

-- payload: { skill, hash, parent = {hash, source}, instances }. Measures what is installed, and its parent, once on the
-- test files of its kind. It is for the report: nothing is decided by it, so what cannot be measured is reported as such.
local function measure_release(task)
  local payload = task.payload
  local skill = assert(clade.skill.read(payload.skill))
  local figures, problem = clade.knowledge.read(FIGURES)
  local results = {}
  for _, benchmark in ipairs(figures and instances.related(figures.benchmarks, payload.instances) or {}) do
    for _, path in ipairs(benchmark.files) do
      local text, unreadable = clade.knowledge.read(path)
      local result = { file = path, benchmark = benchmark.name, figures = benchmark.figures }
      if text then
        result.before = measure_file(skill, payload.parent.source, path, text)
        result.after = measure_file(skill, skill.source, path, text)
      else
        result.before, result.after = { error = unreadable }, { error = unreadable }
      end
      results[#results + 1] = result
    end
  end
  return { files = results, installed = skill.hash, expected = payload.hash, problem = problem }
end

local function opinion(question)
  local body = question.body
  if question.kind ~= "code" then return "abstain", "there is nothing to test" end
  local told = string.format("p = %.3g, below %.3g is needed; %d of its tests pass", body.p, body.alpha, body.tests)
  return body.p < body.alpha and "yes" or "no", told
end

return {
  api = 1,
  tasks = { "test_*", "measure_release" },
  state = { tested = 0, refused = 0 },

  on_task = function(self, task)
    if task.type == "measure_release" then return measure_release(task) end
    local result = test_product(task)
    if type(result) == "table" then
      self.state.tested = self.state.tested + 1
      if result.decision == "refused" then self.state.refused = self.state.refused + 1 end
    end
    return result
  end,

  on_mail = function(self, message)
    if message.kind ~= "vote_request" then return end
    local choice, reason = opinion(message.body)
    clade.vote.cast({ proposal = message.body.proposal, choice = choice, reason = reason })
  end,

  selftest = function()
    local before, better, equal = {}, {}, {}
    for index = 1, 30 do
      before[index], better[index], equal[index] = 4 + index / 100, 1 + index / 200, 4 + index / 100
    end
    assert(comparison(before, better, 0.01).better)
    assert(not comparison(before, equal, 0.01).better)
    assert(not comparison(better, before, 0.01).better)
  end,
}
