return {
  api = 1,
  tasks = { "sum", "later", "broken" },
  state = { sum = 0, mails = 0 },

  on_task = function(self, task)
    if task.type == "broken" then error("on purpose", 0) end
    local found = clade.cell.eval { source = "return 6 * 7" }
    if task.type == "later" then
      clade.sleep(60000)
    else
      clade.mail.send { to = "agent:one", kind = "note", body = { of = task.id } }
    end
    self.state.sum = self.state.sum + found.value
    return found.value
  end,

  on_mail = function(self)
    self.state.mails = self.state.mails + 1
  end,
}
