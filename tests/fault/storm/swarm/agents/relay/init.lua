return {
  api = 1,
  tasks = { "relay" },
  state = { runs = 0, sent = 0 },
  on_task = function(self, task)
    local state = self.state
    state.runs = state.runs + 1
    for _ = 1, 3 do
      state.sent = state.sent + 1
      clade.mail.send { to = "agent:sink", kind = "number", body = { number = state.sent } }
    end
    clade.sleep(clade.random(0, 30))
    return { sent = state.sent }
  end,
}
