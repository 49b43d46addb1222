-- What scripts see of Lua. Called with the host's primitives once per VM, before anything of a script is there;
-- returns new_environment(options) → the table of globals. Everything below keeps the originals to itself.
--
-- Gone: ffi, jit, debug, package, io, os, newproxy, getfenv, setfenv, string.dump, dofile, loadfile, module, gcinfo,
-- table.foreach(i), table.getn, and all of collectgarbage but "count". Changed: pairs and next (sorted, so that
-- a run that is executed again sees the same order), tostring and string.format (no addresses), load and
-- loadstring (text only, of bounded size, never the real globals), xpcall (its handler runs after unwinding, so
-- that a stopped script cannot hide in it), coroutines (number and nesting), string.find, match, gmatch and gsub
-- (bounded work, stopped by the deadline), string.gsub and table.sort (depth of the C stack), table.sort (what takes
-- long is compared in Lua, where a hook can stop it), table.insert (moves elements in Lua, and not into library
-- tables), string.rep (a count past 31 bits is an error), rawset (library tables are read-only).

local host = ...

local type, error, pcall, select, rawget, rawset, setmetatable = type, error, pcall, select, rawget, rawset, setmetatable
local tostring, tonumber, load, unpack, next = tostring, tonumber, load, unpack, next
local format, rep = string.format, string.rep
local sort, concat, insert, move = table.sort, table.concat, table.insert, table.move
local getmetatable_raw = debug.getmetatable
local collectgarbage = collectgarbage
local sorted_keys, deep, find, gsub = host.sorted_keys, host.deep, host.find, host.gsub
local bounds = host.bounds
local coroutines = host.script("scripts/coroutines.lua")(host)

-- Longer lists, and lists whose longest string times their length is more, are sorted with a comparison in Lua.
local QUICKLY_SORTED, QUICKLY_COMPARED = 2 ^ 20, 2 ^ 26

-- Without addresses: they differ from process to process, and help to attack the VM.
-- `level` is that of the script's line for errors.
local function text_of(level, ...)
  local value = ...
  local kind = type(value)
  if kind == "string" or kind == "number" or kind == "boolean" or kind == "nil" then return tostring(...) end
  local meta = getmetatable_raw(value)
  local convert = type(meta) == "table" and rawget(meta, "__tostring")
  if not convert then return kind end
  local text = convert(value)
  if type(text) ~= "string" then error("__tostring must return a string, not a " .. type(text), level) end
  return text
end
local function safe_tostring(...) return text_of(2, ...) end
-- For what the rest of scripts/ says of a script's values.
_G.tostring = safe_tostring

-- Read-only tables: what scripts hold → what it shows.
local shown_by = setmetatable({}, { __mode = "k" })

local function read_only(name, content)
  local face = setmetatable({}, {
    __index = content,
    __newindex = function(_, key)
      error(name .. "." .. safe_tostring(key) .. " cannot be set: " .. name .. " is read-only", 2)
    end,
    __metatable = false,
  })
  shown_by[face] = content
  return face
end

local function copy(source, names)
  local result = {}
  for name in names:gmatch("%S+") do result[name] = source[name] end
  return result
end

-- A script's own error for a wrong argument, worded as the library's.
local function check_table(value, function_name)
  if type(value) ~= "table" then
    error("bad argument #1 to '" .. function_name .. "' (table expected, got " ..
      (value == nil and "no value" or type(value)) .. ")", 3)
  end
end

-- The sorted traversal. `walk` is {keys or false, table, number of keys, keys seen}.
local function step_keys(walk)
  local keys, content, count, at = walk[1], walk[2], walk[3], walk[4]
  while at < count do
    at = at + 1
    local key = keys[at]
    local value = rawget(content, key)
    if value ~= nil then
      walk[4] = at
      return key, value
    end
  end
  walk[4] = at
end

local function step_array(walk, index)
  local content, count = walk[2], walk[3]
  index = index or 0
  while index < count do
    index = index + 1
    local value = rawget(content, index)
    if value ~= nil then return index, value end
  end
end

local function sorted_pairs(content)
  check_table(content, "pairs")
  content = shown_by[content] or content
  local keys, count = sorted_keys(content)
  if keys then return step_keys, { keys, content, count, 0 } end
  return step_array, { false, content, count }
end

-- next(table, key) has no place to keep its traversal, so the last one is remembered; a key that is not where it was
-- expected starts a new one.
local function precedes(left, right)
  local left_type, right_type = type(left), type(right)
  if left_type ~= right_type then
    return left_type == "number" or (left_type == "string" and right_type == "boolean")
  end
  if left_type == "boolean" then return not left and right end
  return left < right
end

local last_walk = {}
local function sorted_next(content, key)
  check_table(content, "next")
  content = shown_by[content] or content
  if next(content) == nil then return nil end
  local walk = last_walk
  if key == nil or walk[2] ~= content or walk[1][walk[4]] ~= key then
    local keys, count = sorted_keys(content)
    if not keys then
      keys = {}
      for index = 1, count do keys[index] = index end
    end
    walk = { keys, content, count, 0 }
    if key ~= nil then
      local low, high = 1, count + 1
      while low < high do
        local middle = (low + high - (low + high) % 2) / 2
        if precedes(key, keys[middle]) then high = middle else low = middle + 1 end
      end
      walk[4] = low - 1
    end
    last_walk = walk
  end
  local found, value = step_keys(walk)
  if found == nil then return nil end
  return found, value
end

local function shown(value)
  local kind = type(value)
  if kind == "string" or kind == "number" or kind == "boolean" or kind == "nil" then return value end
  return text_of(3, value)
end

local function safe_format(pattern, ...)
  if type(pattern) == "string" and find(pattern, "p", 1, true) and find(gsub(pattern, "%%%%", ""), "%%[^%a]*p") then
    error("invalid option '%p' to 'format'", 2)
  end
  local count = select("#", ...)
  if count == 0 then return format(pattern) end
  if count == 1 then return format(pattern, shown((...))) end
  if count == 2 then
    local first, second = ...
    return format(pattern, shown(first), shown(second))
  end
  local values = { ... }
  for index = 1, count do values[index] = shown(values[index]) end
  return format(pattern, unpack(values, 1, count))
end

-- LuaJIT counts in 32 bits and wraps round: without this a large count gives "".
local MOST_REPEATS = 2 ^ 31 - 1
local function safe_rep(text, ...)
  local number = tonumber((...))
  if number and not (number <= MOST_REPEATS) then
    error(format("string.rep: at most %d repeats, not %.14g", MOST_REPEATS, number), 2)
  end
  return rep(text, ...)
end

local function check_stack()
  if deep() then
    error("stack overflow: C functions and Lua functions call each other too deeply, more than " ..
      bounds.deep_stack_bytes / 2 ^ 20 .. " MB of C stack are in use", 3)
  end
end

local function safe_gsub(text, pattern, replacement, ...)
  local kind = type(replacement)
  if kind == "function" or kind == "table" then check_stack() end
  return gsub(text, pattern, replacement, ...)
end

local function less(left, right) return left < right end

-- Whether C code may compare the list: no hook can stop it.
local function is_quickly_sorted(list)
  local count, longest = #list, 0
  if count > QUICKLY_SORTED then return false end
  for index = 1, count do
    local item = rawget(list, index)
    if type(item) == "string" and #item > longest then longest = #item end
  end
  return count * longest <= QUICKLY_COMPARED
end

local function safe_sort(list, comes_before)
  check_stack()
  if comes_before == nil and type(list) == "table" and not is_quickly_sorted(list) then comes_before = less end
  return sort(list, comes_before)
end

-- These set without metamethods, as rawset does.
local function check_not_library(target)
  if shown_by[target] then error("a library table cannot be set: it is read-only", 3) end
end

-- As the library's, which moves elements in C and counts positions in 32 bits.
local function insert_at(list, position, value)
  check_table(list, "insert")
  local place = tonumber(position)
  if not place or not (place >= 1 and place < 2 ^ 31) then
    error("table.insert: the position must be a number from 1 to 2147483647, not " .. safe_tostring(position), 3)
  end
  place = place - place % 1
  for index = #list, place, -1 do rawset(list, index + 1, rawget(list, index)) end
  rawset(list, place, value)
end

local function safe_insert(list, ...)
  check_not_library(list)
  if select("#", ...) == 2 then
    insert_at(list, ...)
  else
    insert(list, ...)
  end
end

local function safe_move(source, first, last, place, ...)
  check_not_library((...) or source)
  return move(source, first, last, place, ...)
end

local function finish_xpcall(handler, ok, ...)
  if ok then return true, ... end
  return false, select(2, pcall(handler, ...))
end

local function safe_xpcall(fn, handler, ...)
  return finish_xpcall(handler, pcall(fn, ...))
end

local function safe_rawset(target, key, value)
  check_not_library(target)
  return rawset(target, key, value)
end

local function count_memory(option)
  if option ~= "count" then error("collectgarbage: only \"count\" is allowed here", 2) end
  return collectgarbage("count")
end

-- load and loadstring of one environment: text only, its globals unless others are given.
local function loaders(globals)
  local function safe_load(chunk, name, _, environment)
    -- LuaJIT gives the real globals to a chunk whose environment is no table.
    if environment ~= nil and type(environment) ~= "table" then
      error("bad argument #4 to 'load' (table expected, got " .. type(environment) .. ")", 2)
    end
    if name ~= nil and type(name) ~= "string" then
      error("bad argument #2 to 'load' (string expected, got " .. type(name) .. ")", 2)
    end
    -- With "@" it could pass for a file of scripts/, which tracebacks leave out.
    if name and find(name, "^@") then name = "=" .. name:sub(2) end
    if type(chunk) == "function" then
      local parts = {}
      for piece in chunk do
        if type(piece) ~= "string" then error("reader function must return a string", 2) end
        if piece == "" then break end
        parts[#parts + 1] = piece
      end
      chunk, name = concat(parts), name or "=(load)"
    end
    if type(chunk) == "string" and #chunk > bounds.load_bytes then
      error("load: " .. #chunk .. " bytes of source are too many at once, at most " .. bounds.load_bytes, 2)
    end
    if type(chunk) ~= "string" then
      error("bad argument #1 to 'load' (string expected, got " .. type(chunk) .. ")", 2)
    end
    return load(chunk, name or chunk, "t", environment or globals)
  end
  return safe_load, function(text, name) return safe_load(text, name) end
end

-- The function of a chunk, or nil and the compiler's message. Raises when out of memory, which is no fault of the text.
local function compile(source, chunk, globals)
  local fn, problem = load(source, "@" .. chunk, "t", globals)
  if not fn and problem == "not enough memory" then error(problem, 0) end
  if not fn and problem == "attempt to load chunk with wrong mode" then
    problem = chunk .. ": this is compiled bytecode; only the text of a script is run"
  end
  return fn, problem
end

-- `require` over {id → {source, chunk}}: each module is run once, in `globals`. `advice` says what to do about
-- an id that is not there.
local function requirer(modules, globals, advice)
  local loaded, path = {}, {}
  return function(id)
    if loaded[id] ~= nil then return loaded[id] end
    local module = modules[id]
    if not module then error("there is no module \"" .. safe_tostring(id) .. "\" here: " .. advice, 2) end
    for position, other in ipairs(path) do
      if other == id then
        error("modules require each other in a circle: " .. concat(path, " → ", position) .. " → " .. id, 2)
      end
    end
    local chunk, problem = compile(module.source, module.chunk, globals)
    if not chunk then error(problem, 0) end
    path[#path + 1] = id
    local ok, value = pcall(chunk, id)
    path[#path] = nil
    if not ok then error(value, 0) end
    loaded[id] = value == nil and true or value
    return loaded[id]
  end
end

local libraries = {
  string = copy(string, "byte char len lower reverse sub upper"),
  table = copy(table, "concat maxn remove"),
  math = copy(math, "abs acos asin atan atan2 ceil cos cosh deg exp floor fmod frexp huge ldexp log log10 max min mod modf " ..
    "pi pow rad random randomseed sin sinh sqrt tan tanh"),
  bit = copy(bit, "arshift band bnot bor bswap bxor lshift rol ror rshift tobit tohex"),
  coroutine = copy(coroutine, "isyieldable running status yield"),
}
libraries.string.find, libraries.string.match, libraries.string.gmatch = find, host.match, host.gmatch
libraries.string.format, libraries.string.gsub, libraries.string.rep = safe_format, safe_gsub, safe_rep
libraries.table.sort, libraries.table.insert, libraries.table.move = safe_sort, safe_insert, safe_move
libraries.coroutine.create, libraries.coroutine.resume = coroutines.create, coroutines.resume
libraries.coroutine.wrap = coroutines.wrap

-- Strings find their methods here, and nobody the table itself.
local string_meta = getmetatable_raw("")
string_meta.__index = libraries.string
string_meta.__metatable = false

-- A table of globals that shows `content` and cannot be changed by scripts.
local function strict(content)
  local face = setmetatable({}, {
    __index = content,
    __newindex = function(_, name)
      error("the global `" .. safe_tostring(name) .. "` cannot be set: use a local, or self.state for what must last", 2)
    end,
    __metatable = false,
  })
  shown_by[face] = content
  return face
end

-- options: print = fn(text), called in tail position · random, randomseed = fn instead of the library's · strict =
-- true: globals cannot be set. Returns what scripts have as their globals, and for the caller: content (where globals are added),
-- read_only, strict, compile, requirer, loaders, and reset (to be called when the host enters the VM anew).
return function(options)
  if options.random then
    libraries.math.random, libraries.math.randomseed = options.random, options.randomseed
  else
    libraries.math.randomseed(0)
  end
  local content = copy(_G, "assert error getmetatable ipairs pcall rawequal rawget select setmetatable tonumber type " ..
    "unpack _VERSION")
  local globals = options.strict and strict(content) or content
  content._G = globals
  content.pairs, content.next = sorted_pairs, sorted_next
  content.tostring, content.xpcall, content.rawset = safe_tostring, safe_xpcall, safe_rawset
  content.collectgarbage = count_memory
  content.load, content.loadstring = loaders(globals)
  function content.print(...)
    local texts = {}
    for index = 1, select("#", ...) do texts[index] = text_of(3, (select(index, ...))) end
    return options.print(concat(texts, "\t"))
  end
  for name, library in next, libraries do content[name] = read_only(name, library) end
  return globals, {
    content = content,
    read_only = read_only,
    strict = strict,
    compile = compile,
    requirer = requirer,
    loaders = loaders,
    reset = coroutines.reset,
  }
end
