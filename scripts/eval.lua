-- Runs in the VMs of an evaluation: the judging chunk's, and the subject's if there is one. `host` are the
-- primitives, `new_environment` is prelude.lua's. Returns the functions that the cell calls.
--
-- Beside plain Lua a chunk has `require` (the modules it was given), `count(n)` (adds to the units of work that
-- are charged) and, with a subject, `subject.call(name, ...)`: the subject's function `name` in its own VM;
-- plain data in and out; returns true, values… or false, error.

local host, new_environment = ...

local enter = host.enter

local MOST_UNITS = 2 ^ 53

local units, output, output_bytes = 0, {}, 0
local main

local globals, tools = new_environment({
  print = function(text)
    output_bytes = output_bytes + #text + 1
    if output_bytes > host.bounds.output_bytes then
      error("print: more than " .. host.bounds.output_bytes .. " bytes of output in one evaluation", 2)
    end
    output[#output + 1] = text
  end,
})

-- Adds n units of work: an integer from 0.
function globals.count(n)
  if type(n) ~= "number" or not (n >= 0 and units <= MOST_UNITS - n) or n % 1 ~= 0 then
    error("count: an integer from 0 is needed, not " .. tostring(n), 2)
  end
  units = units + n
end

-- Modules see the globals and cannot set them: what they would replace there, the chunk that judges them uses.
local function module_globals()
  local content = setmetatable({}, { __index = globals })
  content._G = tools.strict(content)
  content.load, content.loadstring = tools.loaders(content._G)
  return content._G
end

local function compile(source, chunk, modules)
  globals.require = tools.requirer(modules or {}, module_globals(), "give it to cell.eval in `modules`")
  return tools.compile(source, chunk, globals)
end

local cell = { globals = globals }

-- `call` is the function behind subject.call.
function cell.add_subject(call)
  globals.subject = tools.read_only("subject", { call = call })
end

-- nil, or the compiler's message.
function cell.compile(source, chunk, modules)
  local problem
  main, problem = compile(source, chunk, modules)
  return problem
end

-- The chunk's value, or what the function `entry` of its value returns for the arguments. For the entry "...": every
-- value of the chunk.
function cell.run(entry, args, count)
  if entry == "..." then return enter(main) end
  local value = enter(main)
  if not entry then return value end
  local fn = type(value) == "table" and value[entry]
  if type(fn) ~= "function" then
    error("the chunk's value has no function `" .. entry .. "`: return a table with it, or leave `entry` out", 0)
  end
  return (enter(fn, unpack(args, 1, count)))
end

-- Units counted and text printed so far.
function cell.report()
  return units, #output > 0 and table.concat(output, "\n") .. "\n" or ""
end

-- Runs a subject's chunk and keeps its table as `module`. nil, or why it cannot be called.
function cell.load_subject(source, chunk, modules)
  local compiled, problem = compile(source, chunk, modules)
  if not compiled then return problem end
  local module = enter(compiled)
  if type(module) ~= "table" then
    return "the subject must return a table of functions, not " .. type(module)
  end
  cell.module = module
end

return cell
