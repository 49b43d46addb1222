-- clade.mail and clade.ask: messages between agents.

local host, check = ...

local mail = {}

-- Sends a message when the run commits. Fields: to ("agent:<name>", "role:<role>", "topic:<topic>" or "all"), kind (a
-- word that handlers look at), body (plain data), thread (id of the message it belongs to), ephemeral (true: kept in
-- memory alone; handled once at most, gone with the host, and the oldest are dropped when a mailbox has 1,000 or 4 MB of
-- them: for what the next one replaces, like progress). Returns its id.
-- Raises: misuse, no such recipient, no grant mail.send:<to>, a full mailbox. Outbox.
--   clade.mail.send { to = "role:reviewer", kind = "handoff", body = { task = task.id } }
function mail.send(message)
  check.fields("clade.mail.send", message, {
    to = "string", kind = "string", body = "any?", thread = "string?", ephemeral = "boolean?",
  })
  return host.put("mail.send", message)
end

-- clade.ask: sends a message to one agent and waits for what its on_mail returns. Fields: to ("agent:<name>"), kind,
-- body, timeout_ms (of the wait, 0 to 366 days; the host's default otherwise). Returns the reply, or nil, message, code
-- ("timeout", …). Raises: misuse, no grant mail.send:<to>, a circle of agents that wait for each other. Await.
--   local reply, problem = clade.ask { to = "agent:critic", kind = "opinion", body = { idea = "…" } }
function mail.ask(question)
  check.fields("clade.ask", question, { to = "string", kind = "string", body = "any?", timeout_ms = "integer?" })
  return host.request("ask", question)
end

return mail
