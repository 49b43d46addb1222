-- Guard: patterns
-- Attack: starts an expensive pattern again whenever one is refused
-- Runs as: agent
-- Ends: refused failed "stopped after 300 ms without a wait (slice_ms)"

return {
  api = 1,
  tasks = { "work" },
  on_task = function()
    local text, pattern = ("a"):rep(40000), (".-"):rep(6) .. "b"
    while true do pcall(text.gsub, text, pattern, "") end
  end,
}
