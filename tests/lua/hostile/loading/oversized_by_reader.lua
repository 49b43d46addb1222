-- Guard: loading
-- Attack: the same source from a reader function, letter by letter
-- Runs as: agent
-- Limits: memory_mb = 128
-- Ends: refused failed "load: 1048600 bytes of source are too many at once, at most 1048576"

return {
  api = 1,
  tasks = { "work" },
  on_task = function()
    local pieces = 0
    return load(function()
      pieces = pieces + 1
      return pieces <= 26215 and ("x"):rep(40) or nil
    end)
  end,
}
