local HOUR_MS = 3600000

return {
  api = 1,
  tasks = { "park" },
  on_task = function()
    clade.sleep(HOUR_MS)
    return true
  end,
}
