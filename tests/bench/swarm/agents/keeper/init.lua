return {
  api = 1,
  state = { text = "" },
  on_mail = function(self, message)
    self.state.text = message.body.text
  end,
}
