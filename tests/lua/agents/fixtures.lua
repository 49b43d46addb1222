-- What the specs of the roles share: a skill as clade.skill.read gives it, tasks, votes, and a cell.eval that runs the chunk at
-- once in this VM (the subject too, but reached through calls only).

-- luacheck: read globals load

local fixtures = {}

fixtures.INSTANCES = "weibull:3:45:100:400"
fixtures.SKILL = "optimize.bin_packing"

local function chunk_of(id) return "skills/" .. id:gsub("%.", "/") .. "/init.lua" end

local function module_of(id) return { source = source(chunk_of(id)), chunk = chunk_of(id) } end

-- A skill of the repository. `uses` are the modules it and its benchmark need.
function fixtures.skill(id, uses, changes)
  local modules = {}
  for _, used in ipairs(uses or {}) do modules[used] = module_of(used) end
  local folder = "skills/" .. id:gsub("%.", "/")
  local skill = {
    id = id, hash = "hash of " .. id, source = source(folder .. "/init.lua"), chunk = chunk_of(id),
    path = folder .. "/init.lua", test = source(folder .. "/test.lua"), modules = modules, uses = {}, tags = {},
  }
  for name, value in pairs(changes or {}) do skill[name] = value end
  return skill
end

function fixtures.bin_packing(changes)
  local skill = fixtures.skill(fixtures.SKILL, { "optimize.packing_instances", "science.random" }, changes)
  skill.bench = source("skills/optimize/bin_packing/bench.lua")
  return skill
end

function fixtures.annealing()
  return fixtures.skill("optimize.annealing", { "optimize.packing_instances", "science.random" })
end

-- skill.read over these.
function fixtures.skills(changes)
  local all = { [fixtures.SKILL] = fixtures.bin_packing(changes), ["optimize.annealing"] = fixtures.annealing() }
  return function(args)
    if not all[args.id] then return nil, "there is no skill " .. args.id, "not_found" end
    return all[args.id]
  end
end

fixtures.settings = { seed = 1, evaluations = 900, instances = fixtures.INSTANCES }

function fixtures.info(changes)
  local settings = {}
  for name, value in pairs(fixtures.settings) do settings[name] = value end
  for name, value in pairs(changes or {}) do settings[name] = value end
  return { name = "test", goals = { fixtures.goal() }, settings = settings, report = "report" }
end

function fixtures.goal()
  return {
    name = "tighter-packing", skill = fixtures.SKILL, metric = "excess", target = 1.0, knowledge = "packing",
    limits = { evaluations = 200000, bytes = 16384 },
  }
end

function fixtures.idea(changes)
  local idea = {
    goal = fixtures.goal(), skill = fixtures.SKILL, parent = "hash of optimize.bin_packing", instances = fixtures.INSTANCES,
    measured = { value = 4.1, instances = 20, seed = 5 }, gap = 3.4, cost = { evaluations = 900 },
    best_known = { value = 0.68, method = "funsearch", benchmark = "W5k" },
  }
  for name, value in pairs(changes or {}) do idea[name] = value end
  return idea
end

function fixtures.spec(changes)
  local spec = {
    skill = fixtures.SKILL, parent = "hash of optimize.bin_packing", instances = fixtures.INSTANCES, seed = 1,
    metric = "excess", target = 1.0, limits = { evaluations = 900, bytes = 16384 },
    acceptance = { test = "wilcoxon", alpha = 0.01, instances = 40 },
    best_known = { value = 0.68, method = "funsearch", benchmark = "W5k" },
  }
  for name, value in pairs(changes or {}) do spec[name] = value end
  return spec
end

-- The published figures, as knowledge.read gives them.
function fixtures.knowledge(files)
  return function(args)
    if args.path == "packing/figures.yaml" then
      return { benchmarks = {
        { name = "W", instances = fixtures.INSTANCES, files = { "packing/w.txt" },
          figures = { first_fit = 4.23, best_fit = 3.98, funsearch = 0.68 } },
        { name = "OR3", instances = "uniform:20-100:150:500", files = { "packing/or3.txt" },
          figures = { first_fit = 5.74, best_fit = 5.37, funsearch = 3.11 } },
      } }
    end
    local text = files and files[args.path]
    if text then return text end
    return nil, "no file knowledge/" .. args.path, "not_found"
  end
end

-- The skill's source with other scores (a list, leftover 0 first).
function fixtures.with_scores(scores)
  local parameters = require("meta.parameters")
  return assert(parameters.replace(source(chunk_of(fixtures.SKILL)), parameters.table_block("scores", scores, 0)))
end

-- A task for a handler.
function fixtures.task(type, payload, changes)
  local task = { id = "t1", type = type, payload = payload, priority = 5, attempt = 1, parent = "", error = "" }
  for name, value in pairs(changes or {}) do task[name] = value end
  return task
end

-- A vote on a candidate, and one on a rule.
function fixtures.code_question(changes)
  local body = {
    skill = fixtures.SKILL, parent = "hash of optimize.bin_packing", source = "", limits = { bytes = 16384 }, target = 1.0,
    before = { value = 4.1 }, candidate = { value = 0.8 }, best_known = 0.68, p = 1e-6, alpha = 0.01, evaluations = 900,
    tests = 5,
  }
  for name, value in pairs(changes or {}) do body[name] = value end
  return { id = "m1", sender = "host", kind = "vote_request", thread = "m1",
    body = { proposal = "p1", title = "A candidate", kind = "code", body = body } }
end

function fixtures.rule_question(body)
  return { id = "m1", sender = "host", kind = "vote_request", thread = "m1",
    body = { proposal = "p1", title = "A rule", kind = "rule", body = body } }
end

-- The ops of a kind among a fake clade's calls.
function fixtures.calls_of(calls, op)
  local found = {}
  for _, call in ipairs(calls) do
    if call.op == op then found[#found + 1] = call.args end
  end
  return found
end

-- What an agent votes on a question, and why. `answers` are for what it reads first.
function fixtures.vote_of(role, question, answers)
  answers = answers or {}
  answers["vote.cast"] = true
  local clade, calls = fake_clade(answers)
  local agent = load_module("agents/" .. role .. "/init.lua", { clade = clade })
  agent.on_mail({ name = role, role = role, state = agent.state }, question)
  local votes = fixtures.calls_of(calls, "vote.cast")
  if #votes ~= 1 then error(role .. " cast " .. #votes .. " votes, not 1", 2) end
  if votes[1].proposal ~= question.body.proposal then error(role .. " voted on something else", 2) end
  if not votes[1].reason or votes[1].reason == "" then error(role .. " gave no reason", 2) end
  return votes[1].choice, votes[1].reason
end

-- Runs a role's on_task: the result, the calls, the state.
function fixtures.run(role, task, answers, state)
  local clade, calls = fake_clade(answers)
  local agent = load_module("agents/" .. role .. "/init.lua", { clade = clade })
  local self = { name = role, role = role, state = state or agent.state }
  return agent.on_task(self, task), calls, self.state
end

-- Loads a chunk with modules; `extra` are its further globals.
local function load_chunk(text, name, modules, extra)
  local loaded = {}
  local scope = setmetatable({}, { __index = function(_, key)
    if key == "require" then return nil end
    return extra[key] or (_G or {})[key]
  end })
  scope.require = function(id)
    if loaded[id] == nil then
      local module = modules and modules[id] or error("no module " .. id)
      loaded[id] = assert(load(module.source, "@" .. module.chunk, "t", scope))(id)
    end
    return loaded[id]
  end
  return assert(load(text, "@" .. tostring(name), "t", scope))()
end

-- cell.eval at once: the answer as the host gives it.
function fixtures.eval(args)
  local units = 0
  local globals = { count = function(n) units = units + n end }
  local ok, value = pcall(function()
    if args.subject then
      local module = load_chunk(args.subject.source, args.subject.chunk, args.subject.modules, {})
      globals.subject = { call = function(name, ...)
        if not module[name] then return false, "there is no " .. name end
        return pcall(module[name], ...)
      end }
    end
    local result = load_chunk(args.source, args.chunk, args.modules, globals)
    if not args.entry then return result end
    return result[args.entry](unpack(args.args or {}))
  end)
  if not ok then return { ok = false, error = tostring(value), code = "error", units = units } end
  return { ok = true, value = value, units = units, cpu_us = 1000 }
end

return fixtures
