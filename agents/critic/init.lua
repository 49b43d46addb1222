-- The critic weighs gain against cost, before work begins and again when its result is voted on.

local DEFAULT_LIMIT = 200000           -- evaluations, where a goal sets no limit
local MOST_PER_POINT = 1000000         -- evaluations for each point of the gap

-- The reason against an idea, or nil.
local function objection(idea)
  local limits = idea.goal and idea.goal.limits or {}
  local limit = limits.evaluations or DEFAULT_LIMIT
  local cost = idea.cost and idea.cost.evaluations
  if type(idea.skill) ~= "string" then return "it names no skill" end
  if type(idea.gap) ~= "number" then return "it names no gap to the best known figure" end
  if type(cost) ~= "number" or cost <= 0 then return "it does not say how many evaluations it costs" end
  if idea.gap <= 0 then
    return string.format("no headroom: %s is at the best known figure (gap %.2f)", idea.skill, idea.gap)
  end
  if cost > limit then
    return string.format("too costly: %d evaluations are asked for, the limit is %d", cost, limit)
  end
  if cost / idea.gap > MOST_PER_POINT then
    return string.format("too costly for its headroom: %d evaluations for a gap of %.4f, at most %d per point", cost,
      idea.gap, MOST_PER_POINT)
  end
end

-- Votes by gain against cost. A rule may not be bent so far that a vote means nothing.
local function opinion(question)
  local body = question.body
  if question.kind == "rule" then
    if body.rule == "vote.threshold" and type(body.value) == "number" and body.value < 0.5 then
      return "no", "below one half the minority decides"
    end
    return "yes", "a majority still decides"
  end
  if question.kind ~= "code" then return "abstain", "there is no gain to weigh" end
  local gain = body.before.value - body.candidate.value
  if gain <= 0 then return "no", string.format("no gain: %.2f points for %d evaluations", gain, body.evaluations) end
  if body.evaluations / gain > MOST_PER_POINT then
    return "no", string.format("%.4f points are too little for %d evaluations", gain, body.evaluations)
  end
  return "yes", string.format("%.2f points for %d evaluations", gain, body.evaluations)
end

return {
  api = 1,
  tasks = { "evaluate_idea" },
  state = { accepted = 0, rejected = 0 },

  -- payload: { skill, parent, instances, measured, best_known, gap, cost = {evaluations}, goal }.
  on_task = function(self, task)
    local idea = task.payload or {}
    local reason = objection(idea)
    if reason then
      self.state.rejected = self.state.rejected + 1
      return { decision = "rejected", reason = reason }
    end
    self.state.accepted = self.state.accepted + 1
    clade.queue.add({ type = "write_spec", payload = idea })
    return {
      decision = "accepted",
      reason = string.format("%.2f points of headroom for %d evaluations", idea.gap, idea.cost.evaluations),
    }
  end,

  on_mail = function(self, message)
    if message.kind ~= "vote_request" then return end
    local choice, reason = opinion(message.body)
    clade.vote.cast({ proposal = message.body.proposal, choice = choice, reason = reason })
  end,

  selftest = function()
    assert(not objection({ skill = "a.b", gap = 3, cost = { evaluations = 1000 } }))
    assert(objection({ skill = "a.b", gap = 3, cost = { evaluations = DEFAULT_LIMIT + 1 } }))
    assert(objection({ skill = "a.b", gap = 0, cost = { evaluations = 1 } }))
  end,
}
