-- Support sees to it that no failure is only a line in a log: each task that ended as a dead letter becomes a finding.

local LONGEST_CAUSE = 2000

return {
  api = 1,
  state = { findings = 0 },

  -- body: { task, type, error, attempts, parent, payload }, from the host.
  on_mail = function(self, message)
    local failed = message.body
    -- A finding that fails makes no finding: that would never end.
    if message.kind ~= "task_failed" or failed.type == "finding" then return end
    self.state.findings = self.state.findings + 1
    local cause = tostring(failed.error or "no reason was given")
    clade.queue.add({ type = "finding", priority = 7, payload = {
      about = failed.type, task = failed.task, cause = cause:sub(1, LONGEST_CAUSE),
      evidence = { attempts = failed.attempts, parent = failed.parent, command = "clade why " .. failed.task },
    } })
  end,
}
