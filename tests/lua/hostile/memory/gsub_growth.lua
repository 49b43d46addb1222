-- Guard: memory
-- Attack: a replacement that names the match again and again, on its own result
-- Runs as: agent
-- Ends: refused failed "not enough memory: the cap is 32 MB"

return {
  api = 1,
  tasks = { "work" },
  on_task = function()
    local text = "x"
    while true do text = text:gsub("x+", ("%0"):rep(50)) end
  end,
}
