-- clade.proposal: questions that roles vote on.

local host, check = ...

local proposal = {}

-- Opens a vote when the run commits; each voter gets mail of kind "vote_request" with body { proposal, title,
-- kind, body }. Fields: title, kind ("code", "rule", …), body (plain data), voters (roles), on_accept (a task {
-- type, payload, approval?, … } that is added if the vote passes), on_reject (a task likewise). Returns its id.
-- Raises: misuse, unknown roles, no grant proposal.open:<kind> or queue.add for the tasks. Outbox.
--   clade.proposal.open { title = "Publish 3fa2b1c0", kind = "code", body = {}, voters = { "critic", "pm", "tester" },
--                         on_accept = { type = "publish", payload = { hash = hash } } }
function proposal.open(question)
  check.fields("clade.proposal.open", question, {
    title = "string", kind = "string", body = "any?", voters = "strings", on_accept = "table?", on_reject = "table?",
  })
  return host.put("proposal.open", question)
end

-- A proposal by id: { state, votes = { { voter, choice, reason }, … }, … }, or nil, message, "not_found". Grant
-- proposal.read. Read.
--   local state = clade.proposal.get(id).state
function proposal.get(id)
  check.argument("clade.proposal.get", "id", id, "string")
  return host.request("proposal.get", { id = id })
end

return proposal
