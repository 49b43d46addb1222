-- Guard: patterns
-- Attack: a set of a hundred thousand ranges, looked through for every letter of a long text
-- Runs as: agent
-- Limits: slice_ms = 150
-- Ends: refused failed "stopped after 150 ms without a wait (slice_ms): patterns/sets.lua:"

return {
  api = 1,
  tasks = { "work" },
  on_task = function()
    local text, set = ("a"):rep(1e5), "[" .. ("b-c"):rep(1e5) .. "]"
    while true do pcall(string.find, text, set) end
  end,
}
