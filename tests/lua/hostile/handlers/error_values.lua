-- Guard: handlers
-- Attack: errors that are no text: nil, numbers, functions, coroutines, itself
-- Runs as: evaluation
-- Ends: refused error "(error value: a function)"

for _, value in ipairs({ true, false, error, coroutine.create(error), {} }) do
  local ok, problem = pcall(error, value)
  assert(not ok and problem == value)
end
assert(select("#", pcall(error)) == 2)
error(error)
