return {
  api = 1,
  on_mail = function(self, message)
    return message.body
  end,
}
