-- Meta is the only role that changes rules, and only by what was voted for (the host sees to that too).

local VOTERS = { "critic", "pm", "reviewer" }

-- payload: { rule, value, reason }. Asks the roles, then a person.
local function propose_rule(task)
  local wanted = task.payload
  local now, problem = clade.rule.get(wanted.rule)
  if now == nil then
    return clade.queue.fail(task, problem or "there is no rule " .. tostring(wanted.rule), { retry = false })
  end
  local title = string.format("%s: %s instead of %s", wanted.rule, tostring(wanted.value), tostring(now))
  local proposal = clade.proposal.open({
    title = title, kind = "rule", voters = VOTERS,
    body = { rule = wanted.rule, value = wanted.value, now = now, reason = wanted.reason },
    on_accept = {
      type = "implement_proposal", approval = "Change the rule " .. title .. "?",
      payload = { rule = wanted.rule, value = wanted.value },
    },
  })
  return { proposal = proposal, before = now }
end

-- payload: { rule, value }, from an accepted proposal or an operator.
local function implement_proposal(task)
  local change = task.payload
  local before = clade.rule.get(change.rule)
  local done, problem = clade.rule.set(change.rule, change.value)
  if not done then return clade.queue.fail(task, problem, { retry = false }) end
  return { rule = change.rule, before = before, value = change.value }
end

return {
  api = 1,
  tasks = { "propose_rule", "implement_proposal" },
  state = { changes = 0 },

  on_task = function(self, task)
    if task.type == "propose_rule" then return propose_rule(task) end
    local result = implement_proposal(task)
    if type(result) == "table" then self.state.changes = self.state.changes + 1 end
    return result
  end,
}
