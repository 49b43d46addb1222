-- Guard: nesting
-- Attack: sources nested deeper than a compiler's stack: brackets, tables, functions, blocks, operators
-- Runs as: evaluation
-- Ends: kept

local many = 1e5
local sources = {
  "return " .. ("("):rep(many) .. "1" .. (")"):rep(many),
  "return " .. ("{"):rep(many) .. ("}"):rep(many),
  "return " .. ("-"):rep(2 * many + 1):gsub("%-%-", "- -") .. "1",
  "return " .. ("not "):rep(many) .. "1",
  "return " .. ("1 .. "):rep(many) .. "1",
  "return " .. ("2 ^ "):rep(many) .. "1",
  ("do "):rep(many) .. ("end "):rep(many),
  ("return function() "):rep(many / 4) .. ("end "):rep(many / 4),
  ("if 1 then "):rep(many / 2) .. ("end "):rep(many / 2),
}
for index, source in ipairs(sources) do
  local chunk, problem = load(source)
  assert(chunk == nil and type(problem) == "string", "source " .. index .. " was compiled")
  assert(#problem < 1000, "a message of " .. #problem .. " bytes for source " .. index)
end
return true
