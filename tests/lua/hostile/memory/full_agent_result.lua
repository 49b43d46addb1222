-- Guard: memory
-- Attack: fills the memory to just below the cap, then returns the list and keeps it in the state
-- Runs as: agent
-- Ends: refused failed "the handler's result cannot be stored: "

return {
  api = 1,
  tasks = { "work" },
  on_task = function(self)
    local held = {}
    pcall(function()
      while true do held[#held + 1] = ("x"):rep(2 ^ 16) .. #held end
    end)
    held[#held] = nil
    self.state.held = held
    return held
  end,
}
