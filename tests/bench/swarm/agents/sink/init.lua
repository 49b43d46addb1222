-- Ephemeral messages leave no trace: how many this VM has handled is told with the last one's task.
local ephemeral = 0

return {
  api = 1,
  on_mail = function(self, message)
    if message.ephemeral then ephemeral = ephemeral + 1 end
    local body = message.body
    if body.next then clade.queue.add { type = "send", payload = body.next } end
    if body.last then clade.queue.add { type = "send", payload = { messages = 0, handled = ephemeral } } end
  end,
}
