-- clade.rule: the numbers that govern the swarm.

local host, check = ...

local rule = {}

-- Sets a rule when the run commits. Names: "vote.quorum" (votes needed), "vote.threshold" (share of yes, 0 …
-- 1). Returns true. Raises: misuse, a value out of range, no grant rule.set:<name>, a task that no accepted
-- proposal set off. Outbox.
--   clade.rule.set("vote.threshold", 0.7)
function rule.set(name, value)
  check.argument("clade.rule.set", "name", name, "string")
  check.argument("clade.rule.set", "value", value, "any")
  return host.put("rule.set", { name = name, value = value })
end

-- The value of a rule, or nil, message, "not_found". Grant rule.read. Read.
--   local quorum = clade.rule.get("vote.quorum")
function rule.get(name)
  check.argument("clade.rule.get", "name", name, "string")
  return host.request("rule.get", { name = name })
end

return rule
