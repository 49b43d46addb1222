-- Runs an agent's program: one VM, one script, any number of its runs. `host` are the primitives,
-- `new_environment` is prelude.lua's. Returns the functions that the cell calls; frames are those of
-- host/cell/protocol.h.

local host, new_environment = ...

local FUNCTIONS = { "on_task", "on_mail", "check", "selftest" }

local strands = host.script("scripts/strands.lua")(host)

-- As host.enter, for functions that may wait: calls one so that errors of its tail calls do not name this file.
local function settle(ok, ...)
  if not ok then error((...), 0) end
  return ...
end
local function enter(fn, ...) return settle(xpcall(fn, host.note_trace, ...)) end

local migration = host.script("scripts/migration.lua")(enter)

local function load_part(name, ...)
  return host.script("scripts/std/" .. name .. ".lua")(host, ...)
end
local clade = host.script("scripts/clade.lua")(host, load_part)

local globals, tools = new_environment({
  strict = true,
  print = host.log,
  random = clade.random,
  randomseed = function() error("math.randomseed: the seed is the run's, see clade.random", 2) end,
})
for name, part in next, clade do
  if type(part) == "table" then clade[name] = tools.read_only("clade." .. name, part) end
end

local agent     -- the script's table
local bring     -- brings a state of another version to this one's form
local initial   -- the state of an agent that has none yet: a copy, which no run can change
local identity  -- name, role and version: what a handler sees of them in `self`

-- Modules have the globals of Lua, the agent's own chunk has `clade` too.
local function agent_globals()
  local content = setmetatable({ clade = tools.read_only("clade", clade) }, { __index = tools.content })
  content._G = tools.strict(content)
  return content._G
end

local function plain_copy(value)
  if type(value) ~= "table" then return value end
  local result = {}
  for key, item in next, value do result[key] = plain_copy(item) end
  return result
end

-- What is wrong with an agent's table, or nil.
local function problem_of(module)
  if type(module) ~= "table" then return "an agent's script must return a table, not " .. type(module) end
  if module.api ~= 1 then return "an agent's table needs `api = 1`" end
  for _, name in ipairs(FUNCTIONS) do
    local kind = type(module[name])
    if kind ~= "function" and kind ~= "nil" then return "`" .. name .. "` must be a function, not " .. kind end
  end
  for _, name in ipairs({ "tasks", "state" }) do
    local kind = type(module[name])
    if kind ~= "table" and kind ~= "nil" then return "`" .. name .. "` must be a table, not " .. kind end
  end
  for index, pattern in ipairs(module.tasks or {}) do
    if type(pattern) ~= "string" then return "`tasks[" .. index .. "]` must be a string, not " .. type(pattern) end
    if #pattern > host.bounds.name_bytes then
      return "`tasks[" .. index .. "]` is longer than " .. host.bounds.name_bytes .. " bytes"
    end
    if index > host.bounds.task_patterns then
      return "`tasks` has more than " .. host.bounds.task_patterns .. " patterns: one may end with * and take many types"
    end
  end
  if #(module.tasks or {}) > 0 and not module.on_task then return "`tasks` needs a function `on_task`" end
  if not module.on_task and not module.on_mail then return "it handles nothing: add on_task or on_mail" end
  return migration.problem_of(module) or host.problem(module.state, "state")
end

local cell = {}

-- Loads the script. Returns {api, tasks, mail, has, schema, state}, or nil and the compiler's message.
function cell.load(frame)
  tools.content.require = tools.requirer(frame.modules or {}, globals,
    "list it in `skills` of agent.yaml (for an agent) or in `uses` of skill.yaml (for a skill)")
  local chunk, problem = tools.compile(frame.source, frame.chunk, agent_globals())
  if not chunk then return nil, problem end
  agent = host.enter(chunk)
  problem = problem_of(agent)
  if problem then error(frame.chunk .. ": " .. problem, 0) end
  local role = frame.chunk:match("agents/([^/]+)/")
  identity = { name = frame.agent or role or "agent", role = role or frame.agent, version = frame.version }
  local has = { migrate = agent.migrate ~= nil, back = migration.goes_back(agent) }
  for _, name in ipairs(FUNCTIONS) do has[name] = agent[name] ~= nil end
  initial = plain_copy(agent.state or {})
  local schema
  schema, bring = migration.new(agent)
  return { api = 1, tasks = agent.tasks or {}, mail = has.on_mail, has = has, schema = schema, state = initial }
end

-- Runs the script's own test. Errors: it raises, or returns false (and why).
function cell.selftest()
  tools.reset()
  if not agent.selftest then return nil end
  local result, message = host.enter(agent.selftest)
  if result == false then error("selftest: " .. tostring(message or "it returned false"), 0) end
  if host.problem(result, "result") then return nil end
  return result
end

-- Lets the script look at a state, and raises if that refuses it.
local function check_state(state)
  if not agent.check then return end
  local ok, message = enter(agent.check, state)
  if not ok then error("check refuses the state: " .. tostring(message or "it returned false"), 0) end
end

-- The state of `self`, read once and without metamethods: what is checked here is what the host gets.
local function checked_state(self)
  local state = rawget(self, "state")
  if type(state) ~= "table" then error("self.state must stay a table, it is a " .. type(state), 0) end
  check_state(state)
  return state
end

-- The state that a frame brings, in this version's form.
local function state_of(frame)
  if frame.state == nil then return plain_copy(initial) end
  return bring(frame.state, frame.from, frame.from_schema)
end

-- What the program makes of a state: brings it to its form, and lets `check` look at it. What that changes is not
-- returned.
local function examine(frame)
  local state = state_of(frame)
  local problem = host.problem(state, "state")
  if problem then error(problem, 0) end
  local seen = plain_copy(state)
  check_state(state)
  return seen
end
function cell.examine(frame)
  tools.reset()
  local ok, result = pcall(strands.aside, frame.now or 0, examine, frame)
  if not ok then error(host.last_trace() or result, 0) end
  return result
end

-- The body of a run: migrates, handles, checks. Returns the handler's value and the state after it.
local function handle(frame)
  local state = state_of(frame)
  local handler = agent[frame.handler]
  if not handler then error("this script has no `" .. frame.handler .. "`", 0) end
  local self = { name = identity.name, role = identity.role, version = identity.version, state = state }
  strands.keep(function() return checked_state(self) end)
  local value = enter(handler, self, frame.argument)
  return value, checked_state(self)
end

function cell.start(frame)
  tools.reset()
  strands.start(frame.run, frame.now or 0, frame.seed or 0, function() return handle(frame) end)
end

function cell.answer(frame)
  tools.reset()
  if frame.error then
    strands.answer(frame.run, frame.strand, frame.now, false, frame.error, frame.code)
  else
    strands.answer(frame.run, frame.strand, frame.now, true, frame.value)
  end
end

function cell.cancel(run)
  strands.cancel(run)
end

return cell
