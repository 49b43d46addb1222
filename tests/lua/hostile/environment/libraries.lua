-- Guard: environment
-- Attack: changes the libraries, by assignment, rawset, table functions and metatables
-- Runs as: evaluation
-- Ends: kept

for _, name in ipairs({ "string", "table", "math", "bit", "coroutine" }) do
  local library = _G[name]
  local function check(ok, problem)
    assert(not ok, name .. " was changed")
    assert(problem:find("read-only", 1, true) or problem:find("protected", 1, true), problem)
  end
  check(pcall(function() library.extra = 1 end))
  check(pcall(rawset, library, "extra", 1))
  check(pcall(table.insert, library, 1))
  check(pcall(table.insert, library, 1, 1))
  check(pcall(table.move, { 1 }, 1, 1, 1, library))
  check(pcall(setmetatable, library, {}))
  check(pcall(table.insert, _G[name], "x"))
  pcall(table.remove, library)
  pcall(table.remove, library, 1)
  pcall(table.sort, library)
  assert(rawget(library, 1) == nil and rawget(library, "extra") == nil and library.extra == nil)
  assert(next({}) == nil and getmetatable(library) == false)
end
return true
