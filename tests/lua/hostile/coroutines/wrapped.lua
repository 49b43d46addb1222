-- Guard: coroutines
-- Attack: keeps coroutines alive behind coroutine.wrap, and catches the error that tells of too many
-- Runs as: agent
-- Limits: memory_mb = 64
-- Ends: refused failed "more than 10000 coroutines would be alive at the same time"

return {
  api = 1,
  tasks = { "work" },
  on_task = function()
    local held = {}
    pcall(function()
      while true do held[#held + 1] = coroutine.wrap(function() return 1 end) end
    end)
    assert(#held == 10000, #held)
    held[#held + 1] = coroutine.wrap(function() return 1 end)
  end,
}
