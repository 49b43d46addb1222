-- The reviewer reads the source of a candidate. Nothing of it is run here.

local lint = require("meta.lint")

local MOST_SHOWN = 5

-- The review of a source by the rules of its specification, against the skill as it is.
local function review(skill, spec, source)
  return lint.review(source, {
    max_bytes = spec.limits and spec.limits.bytes, uses = skill.uses, parent = skill.source, only_parameters = true,
  })
end

-- The findings as one line.
local function told(problems)
  local lines = {}
  for index, problem in ipairs(problems) do
    if index > MOST_SHOWN then
      lines[index] = "and " .. #problems - MOST_SHOWN .. " more"
      break
    end
    lines[index] = "line " .. problem.line .. ": " .. problem.message
  end
  return table.concat(lines, "; ")
end

-- The reason to send a candidate back, or nil and its review.
local function objection(skill, spec, source)
  if type(source) ~= "string" or source == "" then return "there is no source" end
  if spec.parent and skill.hash ~= spec.parent then return skill.id .. " has changed since the specification was written" end
  if source == skill.source then return "it is the parent unchanged" end
  local found = review(skill, spec, source)
  if not found.ok then return told(found.problems) end
  return nil, found
end

-- Votes on the source as it was handed in, read again.
local function opinion(question)
  local body = question.body
  if question.kind == "rule" then
    if body.rule == "vote.quorum" or body.rule == "vote.threshold" then return "yes", body.rule .. " is a rule" end
    return "no", "there is no rule " .. tostring(body.rule)
  end
  if question.kind ~= "code" then return "abstain", "there is nothing to read" end
  local skill = clade.skill.read(body.skill)
  if not skill then return "no", "there is no skill " .. tostring(body.skill) end
  local reason, found = objection(skill, { parent = body.parent, limits = body.limits }, body.source)
  if reason then return "no", reason end
  return "yes", string.format("%d bytes, nothing forbidden, only the parameter block differs (+%d -%d lines)", found.bytes,
    found.diff.added, found.diff.removed)
end

return {
  api = 1,
  tasks = { "code_review" },
  state = { accepted = 0, rejected = 0 },

  -- payload: { spec, source, reviews = the reviewed task }.
  on_task = function(self, task)
    local spec, source, reviewed = task.payload.spec, task.payload.source, task.payload.reviews
    local skill, problem = clade.skill.read(spec.skill)
    local reason, found = problem, nil
    if skill then reason, found = objection(skill, spec, source) end
    if reason then
      self.state.rejected = self.state.rejected + 1
      clade.queue.reject(reviewed, reason)
      return { decision = "rejected", reason = reason }
    end
    self.state.accepted = self.state.accepted + 1
    clade.queue.accept(reviewed)
    clade.queue.add({ type = "test_product", payload = { skill = spec.skill, source = source, spec = spec, build = reviewed } })
    return { decision = "accepted", bytes = found.bytes, diff = found.diff }
  end,

  on_mail = function(self, message)
    if message.kind ~= "vote_request" then return end
    local choice, reason = opinion(message.body)
    clade.vote.cast({ proposal = message.body.proposal, choice = choice, reason = reason })
  end,

  selftest = function()
    local parent = "-- parameters: begin\n-- parameters: end\nreturn 1\n"
    local skill = { id = "a.b", hash = "h", source = parent, uses = {} }
    assert(not objection(skill, { parent = "h" }, (parent:gsub("begin\n", "begin\nlocal a = { 1 }\n"))))
    assert(objection(skill, { parent = "h" }, (parent:gsub("return 1", "return os.time()"))))
    assert(objection(skill, { parent = "other" }, "return 1"))
  end,
}
