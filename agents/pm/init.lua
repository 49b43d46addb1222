-- The product manager writes down what is to be built and when it counts as done. It also keeps the findings.

local DEFAULT_BYTES = 16384
local ACCEPTANCE = { test = "wilcoxon", alpha = 0.01, instances = 40 }
local KEPT_FINDINGS = 50

local function specification(idea, settings)
  local goal = idea.goal or {}
  local limits = goal.limits or {}
  return {
    skill = idea.skill, parent = idea.parent, instances = idea.instances, seed = settings.seed,
    metric = goal.metric or "excess", target = goal.target, measured = idea.measured, best_known = idea.best_known,
    limits = { evaluations = idea.cost.evaluations, bytes = limits.bytes or DEFAULT_BYTES },
    acceptance = ACCEPTANCE,
  }
end

local function write_spec(task)
  local idea = task.payload or {}
  if not (idea.skill and idea.measured and idea.best_known and idea.cost) then
    return clade.queue.fail(task, "the payload needs { skill, parent, instances, measured, best_known, cost }", { retry = false })
  end
  local spec = specification(idea, clade.swarm.info().settings)
  local question = string.format("Build a better %s? It has %.2f %% %s, %s has %.2f %%; up to %d evaluations.", spec.skill,
    spec.measured.value, spec.metric, spec.best_known.method, spec.best_known.value, spec.limits.evaluations)
  local id = clade.queue.add({ type = "build_product", payload = { spec = spec }, approval = question })
  return { spec = spec, task = id }
end

-- A finding is kept by what failed: { type = { count, last = {task, cause} } }.
local function keep_finding(state, task)
  local finding = task.payload
  local name = tostring(finding.about or "other")
  if not state.findings[name] then
    if state.kinds >= KEPT_FINDINGS then name = "other" end
    if not state.findings[name] then
      state.kinds = state.kinds + 1
      state.findings[name] = { count = 0 }
    end
  end
  local entry = state.findings[name]
  entry.count = entry.count + 1
  entry.last = { task = finding.task, cause = finding.cause }
  return {
    filed = true, about = name, count = entry.count,
    action = finding.task and "look at `clade why " .. finding.task .. "`, mend the cause, then `clade task retry " ..
      finding.task .. "`" or "look at the cause",
  }
end

-- Votes by the specification: the acceptance test passed, and the target is reached.
local function opinion(question)
  local body = question.body
  if question.kind == "rule" then
    if type(body.reason) == "string" and body.reason ~= "" then return "yes", "it has a reason: " .. body.reason end
    return "no", "a rule is not changed without a reason"
  end
  if question.kind ~= "code" then return "abstain", "no specification asks for it" end
  if not (body.p < body.alpha) then
    return "no", string.format("the acceptance test did not pass: p = %.3g, %.3g is needed", body.p, body.alpha)
  end
  if body.target and body.candidate.value > body.target then
    return "abstain", string.format("better, but %.2f %% is not the target of %.2f %%", body.candidate.value, body.target)
  end
  return "yes", string.format("accepted with p = %.3g, and the target is reached", body.p)
end

return {
  api = 1,
  tasks = { "write_spec", "finding" },
  state = { specs = 0, kinds = 0, findings = {} },

  -- write_spec: an idea as the critic passes it on. finding: { about, task, cause, evidence }.
  on_task = function(self, task)
    if task.type == "finding" then return keep_finding(self.state, task) end
    local result = write_spec(task)
    if type(result) == "table" then self.state.specs = self.state.specs + 1 end
    return result
  end,

  on_mail = function(self, message)
    if message.kind ~= "vote_request" then return end
    local choice, reason = opinion(message.body)
    clade.vote.cast({ proposal = message.body.proposal, choice = choice, reason = reason })
  end,

  check = function(state) return type(state.findings) == "table" end,

  selftest = function()
    local state = { kinds = 0, findings = {} }
    keep_finding(state, { payload = { about = "build_product", task = "t1", cause = "x" } })
    assert(keep_finding(state, { payload = { about = "build_product", task = "t2", cause = "y" } }).count == 2)
    assert(ACCEPTANCE.instances >= 30 and ACCEPTANCE.alpha <= 0.01)
  end,
}
