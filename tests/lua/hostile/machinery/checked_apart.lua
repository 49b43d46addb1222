-- Guard: machinery
-- Attack: a check changes the state that it is only shown
-- Runs as: examination
-- Ends: kept

return {
  api = 1,
  tasks = { "work" },
  on_task = function() return true end,
  check = function(state)
    state.count = -1
    state.list[4] = { "more" }
    state.self = state
    return true
  end,
}
