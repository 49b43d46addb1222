-- clade.vote: the answer to a "vote_request".

local host, check = ...

local vote = {}

-- Votes for this agent's role when the run commits. Fields: proposal (its id), choice ("yes", "no" or
-- "abstain"), reason. Returns true, or nil, message, "conflict" (has voted). Raises: misuse, not a voter, no
-- grant vote.cast. Outbox.
--   clade.vote.cast { proposal = message.body.proposal, choice = "yes", reason = "better on 30 of 30 instances" }
function vote.cast(ballot)
  check.fields("clade.vote.cast", ballot, { proposal = "string", choice = "string", reason = "string?" })
  if ballot.choice ~= "yes" and ballot.choice ~= "no" and ballot.choice ~= "abstain" then
    check.fail("clade.vote.cast", "field `choice` must be \"yes\", \"no\" or \"abstain\", not \"" .. ballot.choice .. "\"")
  end
  return host.request("vote.cast", ballot)
end

return vote
