-- Coroutines of scripts: bounded in number and nesting. `host` are the primitives. Returns {create, resume, wrap, reset};
-- reset is to be called when the host enters the VM anew.

local host = ...

local type, error, next, setmetatable = type, error, next, setmetatable
local create, resume, status = coroutine.create, coroutine.resume, coroutine.status
local collectgarbage = collectgarbage
local bounds, deep = host.bounds, host.deep

-- Those that are alive are counted when as many have been made as may be alive.
local made = 0
local coroutines = setmetatable({}, { __mode = "k" })

local function count_coroutines()
  collectgarbage()
  made = 0
  for coroutine in next, coroutines do
    if status(coroutine) == "dead" then coroutines[coroutine] = nil else made = made + 1 end
  end
end

-- `level` is that of the script's line for errors.
local function new_coroutine(fn, level)
  if type(fn) ~= "function" then error("a coroutine needs a function, not " .. type(fn), level) end
  if made >= bounds.coroutines then count_coroutines() end
  if made >= bounds.coroutines then
    error("more than " .. bounds.coroutines .. " coroutines would be alive at the same time", level)
  end
  local coroutine = create(fn)
  made = made + 1
  coroutines[coroutine] = true
  return coroutine
end

-- Each level of nesting takes C stack.
local nesting = 0

local function leave(...)
  nesting = nesting - 1
  return ...
end

local function safe_resume(coroutine, ...)
  -- coroutine.running gives a handler its own: to go on with it is the host's, when it has the answer.
  if type(coroutine) == "thread" and not coroutines[coroutine] and status(coroutine) ~= "dead" then
    return false, "only the host resumes the coroutine of a handler"
  end
  if nesting >= bounds.nested_coroutines or deep() then
    return false, "coroutines are nested deeper than " .. bounds.nested_coroutines .. " levels"
  end
  nesting = nesting + 1
  return leave(resume(coroutine, ...))
end

local function finish_wrap(ok, ...)
  if ok then return ... end
  local message = ...
  error(message, 0)
end

local function safe_wrap(fn)
  local coroutine = new_coroutine(fn, 3)
  return function(...) return finish_wrap(safe_resume(coroutine, ...)) end
end

return {
  create = function(fn) return new_coroutine(fn, 2) end,
  resume = safe_resume,
  wrap = safe_wrap,
  reset = function() nesting = 0 end,
}
