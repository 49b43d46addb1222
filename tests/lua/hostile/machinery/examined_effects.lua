-- Guard: machinery
-- Attack: asked about a state, a script adds tasks, logs for ever and waits for the host
-- Runs as: examination
-- Ends: refused error "works only in a run of the agent"

return {
  api = 1,
  tasks = { "work" },
  on_task = function() return true end,
  check = function()
    for _ = 1, 100 do pcall(clade.log, "x") end
    pcall(clade.queue.add, { type = "work" })
    pcall(clade.all, { function() end })
    pcall(clade.commit)
    clade.sleep(1000)
    return true
  end,
}
