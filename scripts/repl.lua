-- Runs in the VM of an interactive session: it keeps globals from line to line. Returns the functions that the
-- cell calls.

local host, new_environment = ...

local output = {}
local globals, tools = new_environment({
  print = function(text) output[#output + 1] = text end,
})
local inspect = host.script("scripts/inspect.lua")()
globals.inspect = inspect
globals.require = tools.requirer({}, globals, "a session has no modules")

local cell = {}

local function texts_of(count, ...)
  local texts = {}
  for index = 1, count do texts[index] = inspect((select(index, ...))) end
  return table.concat(texts, "\t")
end

local function evaluate(chunk)
  local function collect(...) return texts_of(select("#", ...), ...) end
  return collect(host.enter(chunk))
end

-- A string between quotes goes on only behind a backslash.
local function is_cut_off(problem, source)
  if problem:find("unfinished string", 1, true) and not source:find("\\$") then return false end
  return problem:find("near '<eof>'$") ~= nil
end

-- The function of a chunk, read as an expression if it is one and as statements otherwise; or nil, the compiler's
-- message, and whether more lines could complete it, in either reading.
local function compile(source)
  local chunk, problem = load("return " .. source, "=repl", "t", globals)
  if chunk then return chunk end
  local of_statements
  chunk, of_statements = load(source, "=repl", "t", globals)
  if chunk then return chunk end
  if is_cut_off(problem, source) then return nil, problem, true end
  return nil, of_statements, is_cut_off(of_statements, source)
end

-- Runs a line or more. Returns the values as text; or false, the compiler's message, and whether more lines could
-- complete it.
function cell.run(source)
  tools.reset()
  output = {}
  local chunk, problem, incomplete = compile(source)
  if not chunk then return false, problem, incomplete end
  return evaluate(chunk)
end

-- What was printed since the last run began, with line ends.
function cell.take_output()
  local text = #output > 0 and table.concat(output, "\n") .. "\n" or ""
  output = {}
  return text
end

return cell
