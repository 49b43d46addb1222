-- The harness of the Lua specs: tests/lua/**/*_spec.lua.
--
-- A spec file is a chunk that describes what a script does, with these globals beside plain Lua:
--
--   describe(name, fn)              groups cases; may be nested
--   it(name, fn)                    one case; it fails if fn raises. Cases run in the order of the file
--   expect(value)                   then one of
--     .to_be(x)                       value == x
--     .to_equal(x)                    the same data: tables are compared deeply, the first difference is named
--     .to_be_near(x, eps)             |value - x| <= eps
--     .to_contain(x)                  a string that contains the text x, or an array with an element that equals x
--     .to_match(pattern)              a string that matches the Lua pattern
--     .to_fail_with(pattern)          a function that raises; the message matches the Lua pattern
--   source(path)                    the text of a file of the repository: source("agents/hunter/init.lua")
--   load_module(path, globals?, ...)  runs a file of the repository as a chunk, with `globals` as additional globals
--                                   ({clade = fake}) and the rest as its arguments; returns what it returns
--   require(id)                     "optimize.bin_packing" is skills/optimize/bin_packing/init.lua; also "agents.<role>",
--                                   "scripts.std.<name>", "tests.lua.agents.fixtures", "tests.support.<name>". Cached per
--                                   spec file. Modules see `require` too
--   fake_clade(answers, settings?)  the real `clade` table of scripts/std (its argument checks included) over a host that
--                                   answers at once: answers[op] is a value, or fn(args) → value | nil, message, code.
--                                   An op without an answer fails the case and is named. settings = {now = ms, seed = n,
--                                   require = fn}. Returns clade, calls: calls[i] = {op, args}, calls.log = {text, …}
--
--   describe("the hunter", function()
--     it("files an idea", function()
--       local clade, calls = fake_clade { ["skill.list"] = {}, ["queue.add"] = "r1.1" }
--       local hunter = load_module("agents/hunter/init.lua", { clade = clade })
--       hunter.on_task({ state = {} }, { id = "t1", type = "scan_skills", payload = {} })
--       expect(calls[1].op).to_be("skill.list")
--     end)
--   end)
--
-- Run all with tests_vm, or some quickly from the repository's folder: build/luajit/bin/luajit
-- tests/support/run_spec.lua FILE...
--
-- This file returns run(read_source, path) → {{name, ok, message}, …}: read_source(path) gives a file's text or
-- nil, message. A file that does not load is one failed case.

-- How a value is written in a failure: strings quoted, tables to a depth of 4, keys in order.
local function show(value, depth)
  depth = depth or 0
  if type(value) == "string" then return string.format("%q", value) end
  if type(value) ~= "table" then return tostring(value) end
  if depth >= 4 then return "{…}" end
  local parts, keys = {}, {}
  for index, item in ipairs(value) do parts[index] = show(item, depth + 1) end
  local length = #parts
  for key in pairs(value) do
    if not (type(key) == "number" and key >= 1 and key <= length and key % 1 == 0) then keys[#keys + 1] = key end
  end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  for _, key in ipairs(keys) do
    local name = type(key) == "string" and key:match("^[%a_][%w_]*$") or "[" .. show(key, depth + 1) .. "]"
    parts[#parts + 1] = name .. " = " .. show(value[key], depth + 1)
  end
  return "{" .. table.concat(parts, ", ") .. "}"
end

-- The path and description of the first difference of two values, or nil.
local function difference(got, wanted, path)
  if type(got) ~= "table" or type(wanted) ~= "table" then
    if got == wanted or (got ~= got and wanted ~= wanted) then return nil end
    return string.format("%s is %s, not %s", path, show(got), show(wanted))
  end
  local keys = {}
  for key in pairs(wanted) do keys[#keys + 1] = key end
  for key in pairs(got) do
    if wanted[key] == nil then keys[#keys + 1] = key end
  end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  for _, key in ipairs(keys) do
    local place = type(key) == "number" and string.format("%s[%s]", path, key) or path .. "." .. tostring(key)
    local found = difference(got[key], wanted[key], place)
    if found then return found end
  end
end

-- Raises a failed expectation at the line of the spec that stated it.
local function fail(text, ...)
  error(string.format(text, ...), 3)
end

local function expect(value)
  local checks = {}
  function checks.to_be(wanted)
    if value ~= wanted then fail("expected %s, got %s", show(wanted), show(value)) end
  end
  function checks.to_equal(wanted)
    local found = difference(value, wanted, "the value")
    if found then fail("%s", found) end
  end
  function checks.to_be_near(wanted, epsilon)
    if type(value) ~= "number" or not (math.abs(value - wanted) <= epsilon) then
      fail("expected %s within %s, got %s", wanted, epsilon, show(value))
    end
  end
  function checks.to_contain(wanted)
    if type(value) == "string" then
      if not value:find(wanted, 1, true) then fail("%s does not contain %s", show(value), show(wanted)) end
      return
    end
    for _, item in ipairs(type(value) == "table" and value or {}) do
      if not difference(item, wanted, "") then return end
    end
    fail("%s does not contain %s", show(value), show(wanted))
  end
  function checks.to_match(pattern)
    if type(value) ~= "string" or not value:find(pattern) then
      fail("%s does not match %s", show(value), show(pattern))
    end
  end
  function checks.to_fail_with(pattern)
    local ok, message = pcall(value)
    if ok then fail("expected an error that matches %s, but none was raised", show(pattern)) end
    if not tostring(message):find(pattern) then
      fail("the error %s does not match %s", show(tostring(message)), show(pattern))
    end
  end
  return checks
end

-- The file of a module's id.
local function file_of(id)
  local path = id:gsub("%.", "/")
  if path:find("^scripts/") or path:find("^tests/") then return path .. ".lua" end
  if path:find("^agents/") then return path .. "/init.lua" end
  return "skills/" .. path .. "/init.lua"
end

-- A stand-in for the content hash: 64 hexadecimal digits that depend on every byte.
local function fake_hash(text)
  local state = 5381
  for index = 1, #text do state = (state * 33 + text:byte(index)) % 4294967291 end
  return string.format("%08x", state):rep(8)
end

-- The globals of one spec file over read_source; cases are appended to `cases`.
local function environment_of(read_source, cases)
  local environment, loaded, names = {}, {}, {}

  local function run_file(path, globals, ...)
    local text, problem = read_source(path)
    if not text then error("cannot read " .. path .. ": " .. tostring(problem), 3) end
    local scope = setmetatable({}, { __index = environment })
    for name, value in pairs(globals or {}) do scope[name] = value end
    local chunk, message = load(text, "@" .. path, "t", scope)
    if not chunk then error(message, 3) end
    return chunk(...)
  end

  local function host_of(answers, settings, calls)
    local state = (settings.seed or 1) % 2147483647
    local function answer_to(op, args)
      calls[#calls + 1] = { op = op, args = args }
      local answer = answers[op]
      if answer == nil then error("the spec has no answer for the op " .. op, 0) end
      if type(answer) == "function" then return answer(args) end
      return answer
    end
    return {
      request = answer_to,
      put = answer_to,
      all = function(functions)
        local results = {}
        for index, fn in ipairs(functions) do results[index] = fn() end
        return results
      end,
      any = function(functions)
        local problem
        for index, fn in ipairs(functions) do
          local ok, value = pcall(fn)
          if ok then return value, index end
          problem = problem or value
        end
        error(problem, 0)
      end,
      timeout = function(_, fn) return (fn()) end,
      now = function() return settings.now or 0 end,
      random = function(low, high)
        state = (state * 16807 + 11) % 2147483647
        local drawn = state / 2147483647
        return low and low + math.floor(drawn * (high - low + 1)) or drawn
      end,
      log = function(text) calls.log[#calls.log + 1] = text end,
      hash = fake_hash,
    }
  end

  function environment.describe(name, fn)
    names[#names + 1] = name
    fn()
    names[#names] = nil
  end

  function environment.it(name, fn)
    local case = { name = table.concat(names, " ") .. (#names > 0 and " " or "") .. name, ok = true }
    local trace = debug and debug.traceback or tostring
    local ok, message = xpcall(fn, function(problem) return trace(tostring(problem), 2) end)
    if not ok then case.ok, case.message = false, tostring(message) end
    cases[#cases + 1] = case
  end

  environment.expect = expect

  function environment.source(path)
    local text, problem = read_source(path)
    if not text then error("cannot read " .. path .. ": " .. tostring(problem), 2) end
    return text
  end

  environment.load_module = run_file

  function environment.fake_clade(answers, settings)
    local calls = { log = {} }
    local host = host_of(answers or {}, settings or {}, calls)
    local function load_part(name, ...)
      return run_file("scripts/std/" .. name .. ".lua", nil, host, ...)
    end
    return run_file("scripts/clade.lua", nil, host, load_part), calls
  end

  function environment.require(id)
    if loaded[id] == nil then
      local host = host_of({}, {}, { log = {} })
      if id:find("^scripts%.std%.") then
        loaded[id] = run_file(file_of(id), nil, host, run_file("scripts/std/check.lua"))
      else
        loaded[id] = run_file(file_of(id), nil, id)
      end
      if loaded[id] == nil then loaded[id] = true end
    end
    return loaded[id]
  end

  return setmetatable(environment, { __index = _G })
end

return function(read_source, path)
  local cases = {}
  local environment = environment_of(read_source, cases)
  local text, problem = read_source(path)
  local chunk
  if text then chunk, problem = load(text, "@" .. path, "t", environment) end
  if not chunk then return { { name = path, ok = false, message = tostring(problem) } } end
  local ok, message = pcall(chunk)
  if not ok then cases[#cases + 1] = { name = path, ok = false, message = tostring(message) } end
  if #cases == 0 then cases[1] = { name = path, ok = false, message = path .. " has no cases: add it(name, fn)" } end
  return cases
end
