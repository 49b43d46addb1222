-- Guard: values
-- Attack: a step of a migration returns a state that is part of itself, deeper than a copy could go
-- Runs as: examination
-- Ends: refused error "state.self refers to a table that it is part of"

return {
  api = 1,
  tasks = { "work" },
  schema = 2,
  migrate = {
    [2] = function(state)
      state.self = state
      return state
    end,
  },
  on_task = function() return true end,
}
