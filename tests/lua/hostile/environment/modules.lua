-- Guard: environment
-- Attack: a chunk that fills a module's name with what is none, and requires what the host never gave
-- Runs as: evaluation
-- Ends: refused error "here: give it to cell.eval in `modules`"

for _, id in ipairs({ "ffi", 5, {}, print, "__index", 0 / 0, true, setmetatable({}, { __tostring = error }) }) do
  assert(not pcall(require, id), "a module was found")
end
require({})
