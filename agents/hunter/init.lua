-- The hunter looks for something worth improving: it measures a goal's skill and compares it with published figures.

local instances = require("optimize.packing_instances")
local judge = require("meta.judge")
local random = require("science.random")

local MEASURED_INSTANCES = 20

-- The lowest published figure for instances like these, or the goal's target where nothing is published:
-- { value, method, benchmark }.
local function best_known(goal, spec)
  local figures = goal.knowledge and clade.knowledge.read(goal.knowledge .. "/figures.yaml")
  local benchmark = figures and instances.related(figures.benchmarks, spec)[1]
  local best = { value = goal.target or 0, method = "the goal's target", benchmark = goal.name or goal.skill }
  if not benchmark then return best end
  best.value = math.huge
  for method, value in pairs(benchmark.figures) do
    if value < best.value then best = { value = value, method = method, benchmark = benchmark.name } end
  end
  return best
end

-- Measures the skill of a goal on generated instances and files the idea. Returns what it found, or nil and why not.
local function scan(goal)
  local settings = clade.swarm.info().settings
  local skill, problem = clade.skill.read(goal.skill)
  if not skill then return nil, problem end
  if not skill.bench then return nil, "the skill " .. goal.skill .. " has no benchmark: add bench.lua to it" end
  local spec = settings.instances or goal.instances
  local seed = random.derive(settings.seed, "scan")
  local measured, reason = judge.measurement(clade.cell.eval(judge.measure(skill, skill.source, {
    instances = spec, seed = seed, count = MEASURED_INSTANCES,
  })))
  if not measured then return nil, goal.skill .. ": " .. reason end

  local best = best_known(goal, spec)
  local idea = {
    goal = goal, skill = goal.skill, parent = skill.hash, instances = spec,
    measured = { value = measured.excess, instances = measured.instances, seed = seed },
    best_known = best, gap = measured.excess - best.value, cost = { evaluations = settings.evaluations },
  }
  clade.queue.add({ type = "evaluate_idea", payload = idea })
  return { skill = goal.skill, measured = measured.excess, best_known = best, gap = idea.gap }
end

-- Votes by what it looks for: does the change come closer to the best figure known?
local function opinion(question)
  local evidence = question.body
  if question.kind ~= "code" then return "abstain", "only changes of skills are a hunter's business" end
  if evidence.candidate.value < evidence.before.value then
    return "yes", string.format("%.2f %% instead of %.2f %%; the best known figure is %.2f %%", evidence.candidate.value,
      evidence.before.value, evidence.best_known)
  end
  return "no", string.format("%.2f %% is no closer to %.2f %% than %.2f %%", evidence.candidate.value,
    evidence.best_known, evidence.before.value)
end

return {
  api = 1,
  tasks = { "scan_*" },
  state = { scans = 0 },

  -- payload: { goal } (from the goals of swarm.yaml); without it all goals are scanned.
  on_task = function(self, task)
    self.state.scans = self.state.scans + 1
    local goals = task.payload and task.payload.goal and { task.payload.goal } or clade.swarm.info().goals
    local found = {}
    for index, goal in ipairs(goals) do
      local result, problem = scan(goal)
      if not result then return clade.queue.fail(task, problem) end
      found[index] = result
    end
    return { found = found }
  end,

  on_mail = function(self, message)
    if message.kind ~= "vote_request" then return end
    local choice, reason = opinion(message.body)
    clade.vote.cast({ proposal = message.body.proposal, choice = choice, reason = reason })
  end,

  selftest = function()
    local evidence = { candidate = { value = 1 }, before = { value = 4 }, best_known = 0.7 }
    assert(opinion({ kind = "code", body = evidence }) == "yes")
    evidence.candidate.value = 4
    assert(opinion({ kind = "code", body = evidence }) == "no")
  end,
}
