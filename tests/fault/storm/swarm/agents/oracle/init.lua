return {
  api = 1,
  state = { runs = 0 },
  on_mail = function(self, message)
    local question = message.body
    self.state.runs = self.state.runs + 1
    local token = "W:" .. message.id .. "/" .. clade.random(1000000000) .. ";"
    clade.process.run { question.program, question.witness, token, tostring(clade.random(0, 30)) }
    return 2 * question.n
  end,
}
