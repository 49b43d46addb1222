return {
  api = 1,
  on_mail = function(self, message)
    local order = message.body
    for number = 1, order.questions do
      local reply = assert(clade.ask { to = order.to, kind = "question", body = { number = number, text = order.text } })
      assert(reply.number == number)
    end
  end,
}
