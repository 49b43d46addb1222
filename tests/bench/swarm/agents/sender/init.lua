return {
  api = 1,
  tasks = { "send" },

  -- The last message of a round carries the next round's order.
  on_task = function(self, task)
    local order = task.payload
    for number = 1, order.messages do
      local body = { number = number, text = order.text, sent = true }
      if number == order.messages and order.rounds > 1 then
        body.next = {
          to = order.to, messages = order.messages, text = order.text, rounds = order.rounds - 1,
          ephemeral = order.ephemeral,
        }
      end
      body.last = order.ephemeral and number == order.messages and order.rounds == 1
      clade.mail.send { to = order.to, kind = "item", body = body, ephemeral = order.ephemeral }
    end
    return true
  end,
}
