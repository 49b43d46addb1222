return {
  api = 1,
  tasks = { "work" },

  -- A chain has one task at a time: the next is added with the completion of this one.
  on_task = function(self, task)
    local left = task.payload.left
    if left > 0 then
      clade.queue.add { type = "work", payload = { left = left - 1, text = task.payload.text } }
    end
    return true
  end,
}
