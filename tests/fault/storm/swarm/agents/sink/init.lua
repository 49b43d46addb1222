return {
  api = 1,
  state = { runs = 0, last = {}, sum = {}, disorder = 0 },
  on_mail = function(self, message)
    local state, sender, number = self.state, message.sender, message.body.number
    state.runs = state.runs + 1
    if number ~= (state.last[sender] or 0) + 1 then state.disorder = state.disorder + 1 end
    state.last[sender] = number
    state.sum[sender] = (state.sum[sender] or 0) + number
    if number % 5 == 0 then clade.sleep(clade.random(0, 20)) end
  end,
}
