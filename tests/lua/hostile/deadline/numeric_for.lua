-- Guard: deadline
-- Attack: a `for` that would take longer than the universe is old, caught and begun again
-- Runs as: agent
-- Limits: slice_ms = 150
-- Ends: refused failed "stopped after 150 ms without a wait (slice_ms)"

return {
  api = 1,
  tasks = { "work" },
  on_task = function()
    for _ = 1, math.huge do
      pcall(function() for _ = 1, 2 ^ 53 do end end)
    end
  end,
}
