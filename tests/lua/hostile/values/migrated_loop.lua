-- Guard: values
-- Attack: a migration returns a state that is part of itself
-- Runs as: migration
-- Ends: refused failed "state.self refers to a table that it is part of"

return {
  api = 1,
  tasks = { "work" },
  migrate = function(_, state)
    state.self = state
    return state
  end,
  on_task = function() return true end,
}
