-- The runs of an agent's program as coroutines. `host` are the primitives; this adds request, put, all, any, timeout, now,
-- log and random to them, which scripts/std is built on. Returns {start, answer, cancel, aside}.
--
-- A run is made of strands: coroutines that ask the host and wait for its answer by yielding. The handler is
-- strand "0"; the n-th function that a strand gives to clade.all or clade.any becomes strand "<its name>.<n>".
-- Requests are counted from 1 per strand, so name and position of a request are the same whenever the run is executed
-- again with the same answers in the same order, which the host sees to (host/run/handover.h).
--
--   ready ──resume──▶ running ──request──▶ waiting ──answer──▶ ready
--                        │ └─clade.all, any──▶ joining ──its group is decided──▶ ready
--                        └──▶ ended
--   ready, waiting, joining ──another strand decided the group──▶ withdrawn: it never goes on

local host = ...

local create, resume, yield, running = coroutine.create, coroutine.resume, coroutine.yield, coroutine.running
local status, isyieldable = coroutine.status, coroutine.isyieldable
local bounds = host.bounds
local emit, traceback, note_trace, last_trace = host.emit, host.traceback, host.note_trace, host.last_trace

local runs = {}
local current       -- the strand that runs now
local REQUEST, JOIN = {}, {}

-- The strand that runs, for `what`; raises at the script's line (`level` of this call) if there is none.
local function need_strand(what, level)
  if current then return current end
  error(what .. " works only while a handler runs (on_task, on_mail), not when the script is loaded or tests itself",
    level)
end

local function check_waits(strand, what, level)
  if strand.run.aside then
    error(what .. " works only in a run of the agent: here its script is asked about a state, and nothing may happen", level)
  end
  if running() ~= strand.thread then
    error(what .. " waits for the host and cannot be called inside a coroutine of your own: use clade.all", level)
  end
  if not isyieldable() then
    error(what .. " waits for the host and cannot be called inside a callback of string.gsub or table.sort", level)
  end
end

-- Sends a request and waits for the host. Returns whether it was granted, its value or message, and a code. What is
-- wrong here raises at the line that called the function of scripts/std whose tail call led to the caller.
local function exchange(op, args)
  local strand = need_strand(op, 4)
  check_waits(strand, op, 4)
  if strand.run.waiting >= bounds.waiting_strands then
    error(op .. ": more than " .. bounds.waiting_strands .. " strands of one run would wait at the same time", 3)
  end
  local position = strand.position + 1
  local problem = emit({
    t = "call", run = strand.run.id, strand = strand.name, position = position, op = op, args = args,
  })
  if problem then error(op .. ": " .. problem, 3) end
  strand.position = position
  strand.waiting = true
  strand.run.waiting = strand.run.waiting + 1
  return yield(REQUEST)
end

-- Asks the host. Returns its value, or nil, message, code; misuse and refusals raise. For functions of scripts/std, in
-- tail position.
function host.request(op, args)
  local ok, value, code = exchange(op, args)
  if ok then return value end
  if code == "invalid" or code == "refused" then error(value, 2) end
  return nil, value, code
end

-- Puts an effect into the run's outbox. Returns the host's value; whatever is in the way raises: a handler that took
-- no notice would commit without it. For functions of scripts/std, in tail position.
function host.put(op, args)
  local ok, value = exchange(op, args)
  if ok then return value end
  error(value, 2)
end

local function new_strand(run, name, body, group, index)
  local strand = {
    run = run, name = name, position = 0, children = 0, group = group, index = index,
    thread = create(function() return xpcall(body, note_trace) end),
  }
  run.strands[name] = strand
  run.made = run.made + 1
  run.ready[#run.ready + 1] = strand
  return strand
end

-- A failure of a strand is raised in its parent, with the traceback of where it came from.
local function raise(parent, failed)
  parent.run.child_error = failed
  error(failed.value, 0)
end

-- What the run that executes keeps: `state` returns it, or raises if it must not be kept. For host.commit.
local function keep(state) current.run.state = state end

-- Commits what the handler has done so far. For functions of scripts/std, in tail position.
function host.commit()
  local strand = need_strand("clade.commit", 3)
  if strand.group then
    error("clade.commit works in the handler itself, not in a function of clade.all, clade.any or clade.timeout", 2)
  end
  return host.put("commit", { state = strand.run.state() })
end

-- Runs functions as strands until their group is decided. `what` is the script's name for it; `decides(failed)` says
-- whether a strand that ended, and whether it failed, decides before all have ended.
local function run_group(what, functions, decides)
  local parent = need_strand(what, 4)
  check_waits(parent, what, 4)
  local group = {
    what = what, parent = parent, pending = #functions, results = {}, errors = {}, members = {}, decides = decides,
  }
  if group.pending == 0 then return group end
  if #parent.name + #(".%.0f"):format(parent.children + #functions) > bounds.name_bytes then
    error(what .. ": nested too deeply: the name of a strand would be longer than " .. bounds.name_bytes .. " bytes", 3)
  end
  if parent.run.made + #functions > bounds.strands then
    error(what .. ": more than " .. bounds.strands .. " strands in one run", 3)
  end
  for index, fn in ipairs(functions) do
    parent.children = parent.children + 1
    group.members[index] = new_strand(parent.run, parent.name .. "." .. parent.children, fn, group, index)
  end
  parent.joins = group
  yield(JOIN)
  parent.joins = nil
  return group
end

local function raise_first(group)
  for index = 1, #group.members do
    if group.errors[index] then raise(group.parent, group.errors[index]) end
  end
end

local function never() return false end
-- Waits for all. Returns their first results in order; raises the first error (in the order of the list) after all
-- have ended.
function host.all(functions)
  local group = run_group("clade.all", functions, never)
  raise_first(group)
  return group.results
end

local function success(failed) return not failed end
-- Waits for the first that does not fail, and withdraws the others. Returns its first result and its index; raises
-- the first error (in the order of the list) if all fail.
function host.any(functions)
  local group = run_group("clade.any", functions, success)
  if not group.decided then raise_first(group) end
  return group.results[group.decided], group.decided
end

local function any_end() return true end
-- Waits for `fn`, but no longer than `ms`. Returns its first result, or nil, message, "timeout"; raises its error.
function host.timeout(ms, fn)
  local function pause() return host.request("sleep", { ms = ms }) end
  local group = run_group("clade.timeout", { fn, pause }, any_end)
  raise_first(group)
  if group.decided == 1 then return group.results[1] end
  return nil, ("clade.timeout: not done within %.14g ms"):format(ms), "timeout"
end

function host.now()
  return need_strand("clade.now", 3).run.now
end

-- The host counts the same, and ends a cell that goes on.
function host.log(text)
  local run = need_strand("clade.log", 3).run
  run.logged = run.logged + #text + bounds.log_line_bytes
  if run.logged > bounds.log_bytes then
    error("clade.log: more than " .. bounds.log_bytes .. " bytes logged without a wait", 2)
  end
  if not run.aside then emit({ t = "log", run = run.id, level = "info", text = text }) end
end

-- Marsaglia's xorshift128, one per strand: what one strand draws does not depend on when another runs.
local bxor, lshift, rshift = bit.bxor, bit.lshift, bit.rshift
local function draw(state)
  local x, w = state[1], state[4]
  x = bxor(x, lshift(x, 11))
  x = bxor(x, rshift(x, 8))
  state[1], state[2], state[3] = state[2], state[3], w
  w = bxor(w, rshift(w, 19), x)
  state[4] = w
  return w % 4294967296
end

-- A number from [0, 1) with 53 random bits; or with `low`, an integer in low … high.
function host.random(low, high)
  local strand = need_strand("clade.random", 3)
  local state = strand.random
  if not state then
    local digits = host.hash(string.format("%.0f:%s", strand.run.seed, strand.name))
    state = {}
    for part = 1, 4 do state[part] = bit.tobit(tonumber(digits:sub(part * 8 - 7, part * 8), 16)) end
    state[4] = bit.bor(state[4], 1)  -- all zero would stay so
    strand.random = state
  end
  local first, second = rshift(draw(state), 5) % 4294967296, rshift(draw(state), 6) % 4294967296
  local drawn = (first * 67108864 + second) / 9007199254740992
  return low and low + math.floor(drawn * (high - low + 1)) or drawn
end

-- What a failed strand raised, as the host gets it: with the traceback of the strand where it came from.
local function failure_text(strand, value)
  local text = last_trace() or traceback(strand.thread, value)
  local inner = strand.run.child_error
  if inner and rawequal(inner.value, value) then text = inner.text .. "\nin " .. inner.what .. ", " .. text end
  return text
end

local function fail(run, text)
  runs[run.id] = nil
  emit({ t = "failed", run = run.id, error = text })
end

local function finish(run, value, state)
  runs[run.id] = nil
  local problem = emit({ t = "done", run = run.id, value = value, state = state })
  if problem then
    emit({ t = "failed", run = run.id, error = "the handler's result cannot be stored: " .. problem })
  end
end

-- Ends a strand where it stands, and those that it waits for. The host ends what they asked it for.
local function withdraw(strand)
  local run = strand.run
  if run.strands[strand.name] ~= strand then return end  -- it has ended
  run.strands[strand.name] = nil
  strand.withdrawn = true
  if strand.waiting then
    run.waiting = run.waiting - 1
    emit({ t = "withdraw", run = run.id, strand = strand.name })
  elseif strand.joins then
    for _, member in ipairs(strand.joins.members) do withdraw(member) end
  end
end

-- A strand of a group ended: its parent goes on once the group is decided.
local function join(strand, failed, value)
  local group, run = strand.group, strand.run
  run.strands[strand.name] = nil
  if failed then
    group.errors[strand.index] = { value = value, text = failure_text(strand, value), what = group.what }
  else
    group.results[strand.index] = value
  end
  group.pending = group.pending - 1
  if group.decides(failed) then
    group.decided = strand.index
    for _, member in ipairs(group.members) do withdraw(member) end
  elseif group.pending > 0 then
    return
  end
  run.ready[#run.ready + 1] = group.parent
end

-- `first` is what the strand yielded; or whether its body succeeded, then what it returned or raised.
local function settle(strand, alive, first, value, state)
  local run = strand.run
  if status(strand.thread) ~= "dead" then
    if first ~= REQUEST and first ~= JOIN then
      fail(run, traceback(strand.thread, "coroutine.yield was called outside of a coroutine of the script's own"))
    end
    return
  end
  local ok = alive and first
  if not alive then value = first end
  if strand.group then return join(strand, not ok, value) end
  if not ok then return fail(run, failure_text(strand, value)) end
  finish(run, value, state)
end

local function step(strand, ...)
  current = strand
  strand.waiting = false
  settle(strand, resume(strand.thread, ...))
  current = nil
end

-- Runs strands until all wait or the run has ended.
local function drain(run)
  local at = 1
  while runs[run.id] == run and run.ready[at] do
    local strand = run.ready[at]
    at = at + 1
    if not strand.withdrawn then step(strand) end
  end
  run.ready = {}
end

local strands = { keep = keep }

-- Starts run `id`: body() → value, state in strand "0".
function strands.start(id, now, seed, body)
  current = nil
  local run = { id = id, now = now, seed = seed, strands = {}, ready = {}, logged = 0, waiting = 0, made = 0 }
  runs[id] = run
  new_strand(run, "0", body)
  drain(run)
end

-- Gives a strand the answer it waits for; it is `now` by then (nil: no later than before). A run that has ended is no
-- error: its answer was on the way.
function strands.answer(id, name, now, ok, value, code)
  current = nil
  local run = runs[id]
  if not run then return end
  run.logged = 0
  run.now = now or run.now
  local strand = run.strands[name]
  if not strand or not strand.waiting then error("strand " .. name .. " of run " .. id .. " waits for nothing", 0) end
  run.waiting = run.waiting - 1
  step(strand, ok, value, code)
  drain(run)
end

-- Calls body(...) outside of any run: it may look at the clock, draw and log (nobody hears it), but ask the host nothing.
-- Returns its first result.
function strands.aside(now, body, ...)
  current = { name = "0", run = { now = now, seed = 0, logged = 0, aside = true, state = function() end } }
  local result = body(...)
  current = nil
  return result
end

function strands.cancel(id)
  current = nil
  runs[id] = nil
end

return strands
