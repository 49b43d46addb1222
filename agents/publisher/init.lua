-- The publisher installs what was voted for and approved, and records where it comes from: in the store and, if the swarm
-- commits, in one git commit with the lineage.

local AUTHOR = { "-c", "user.name=clade", "-c", "user.email=clade@localhost" }
local GIT_MS = 60000

local function git(...)
  return clade.process.run({ "git", timeout_ms = GIT_MS, ... })
end

-- The output of a git command that worked, without its last newline; or nil and why there is none.
local function git_output(...)
  local result, problem, code = git(...)
  if not result then return nil, problem, code end
  if result.code ~= 0 then return nil, "git " .. (...) .. ": " .. (result.error ~= "" and result.error or result.out) end
  return (result.out:gsub("\n$", ""))
end

local function votes_of(proposal)
  local votes = {}
  for index, vote in ipairs(proposal and proposal.votes or {}) do
    votes[index] = { voter = vote.voter, choice = vote.choice, reason = vote.reason }
  end
  return votes
end

-- payload: what the tester put into on_accept, and the host's `proposal`.
local function publish(task)
  local payload = task.payload
  local skill, problem = clade.skill.read(payload.skill)
  if not skill then return clade.queue.fail(task, problem, { retry = false }) end
  if skill.hash ~= payload.parent then
    return clade.queue.fail(task, payload.skill .. " has changed since the vote: its version is " .. skill.hash:sub(1, 8) ..
      ", the candidate was compared with " .. payload.parent:sub(1, 8), { retry = false })
  end
  local evidence = payload.evidence or {}
  local proposal = payload.proposal and clade.proposal.get(payload.proposal)
  local hash = clade.script.publish({
    name = "skill:" .. payload.skill, source = payload.source,
    lineage = {
      parent = payload.parent, task = task.id, build = payload.build, test = payload.test, proposal = payload.proposal,
      instances = payload.instances, seed = payload.spec and payload.spec.seed, before = evidence.before,
      after = evidence.after, p = evidence.comparison and evidence.comparison.p, votes = votes_of(proposal),
    },
  })
  local release = {
    skill = payload.skill, hash = hash, parent = { hash = payload.parent, source = skill.source }, path = skill.path,
    instances = payload.instances, evidence = evidence, build = payload.build, test = payload.test,
    proposal = payload.proposal, publish = task.id, spec = payload.spec,
  }
  local after = { clade.queue.add({ type = "measure_release", payload = release }) }
  release.measure = after[1]
  if clade.swarm.info().settings.commit then
    after[2] = clade.queue.add({ type = "commit_version", payload = release })
    release.commit = after[2]
  end
  clade.queue.add({ type = "write_report", payload = release, after = after })
  return { skill = payload.skill, hash = hash, parent = payload.parent }
end

-- The commit that holds this version, or nil.
local function commit_of(hash)
  local out = git_output("log", "-n", "1", "--format=%H", "--fixed-strings", "--grep", "Version: " .. hash)
  return out and out ~= "" and out or nil
end

local function message_of(release)
  local evidence = release.evidence or {}
  local told = "Installed by vote and approval."
  if evidence.comparison then
    told = string.format("Mean excess on %d fresh instances: %.2f %% instead of %.2f %%\n(paired one-sided Wilcoxon, p = %.2g).",
      evidence.comparison.instances, evidence.after, evidence.before, evidence.comparison.p)
  end
  local trailers = { "Version: " .. release.hash, "Lineage: " .. release.parent.hash .. " -> " .. release.hash,
    "Task: " .. release.publish }
  if release.proposal then trailers[#trailers + 1] = "Proposal: " .. release.proposal end
  return string.format("%s: publish %s", release.skill, release.hash:sub(1, 8)),
    told .. "\n\n" .. table.concat(trailers, "\n")
end

-- Commits the skill's file alone. An answer that was lost is looked for in the log, not asked for again.
local function make_commit(release)
  local inside, problem = git_output("rev-parse", "--is-inside-work-tree")
  if inside ~= "true" then return nil, problem or "the swarm's folder is no git work tree" end
  local found = commit_of(release.hash)
  if found then return found end
  local added, refused, code = git_output("add", "--", release.path)
  if not added and code ~= "outcome_unknown" then return nil, refused end
  local who = git_output("config", "user.email") and {} or AUTHOR
  local subject, body = message_of(release)
  local words = {}
  for _, word in ipairs(who) do words[#words + 1] = word end
  for _, word in ipairs({ "commit", "--quiet", "-m", subject, "-m", body, "--", release.path }) do words[#words + 1] = word end
  local done, failed, failed_code = git_output(unpack(words))
  if not done and failed_code ~= "outcome_unknown" then return nil, failed end
  found = commit_of(release.hash)
  if not found then return nil, "the commit is not in git's log" end
  return found
end

local function commit_version(task)
  local commit, problem = make_commit(task.payload)
  if commit then return { commit = commit } end
  clade.queue.add({ type = "finding", payload = {
    about = "commit_version", task = task.id, cause = problem, evidence = { version = task.payload.hash },
  } })
  return { problem = problem }
end

return {
  api = 1,
  tasks = { "publish", "commit_version" },
  state = { published = 0 },

  on_task = function(self, task)
    if task.type == "commit_version" then return commit_version(task) end
    local result = publish(task)
    if type(result) == "table" then self.state.published = self.state.published + 1 end
    return result
  end,

  selftest = function()
    local subject, body = message_of({ skill = "a.b", hash = ("c"):rep(64), parent = { hash = "p" }, publish = "t1" })
    assert(#subject <= 72 and body:find("Version: " .. ("c"):rep(64), 1, true))
  end,
}
