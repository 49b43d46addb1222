-- The builder searches: some islands (searches of their own) anneal a table of scores, in parts of fixed work, each a
-- cell.eval of optimize.annealing. Of their results the one that the skill's judge finds best, on generated instances that
-- no search saw, is written into the parameter block of the parent's source.
--
-- What comes out depends on the specification and its seed alone: not on time, cores or the order in which parts end.

local judge = require("meta.judge")
local parameters = require("meta.parameters")
local random = require("science.random")

local SEARCH = "optimize.annealing"
local MOST_ISLANDS = 4
local EVALUATIONS_PER_ISLAND = 2000      -- fewer find too little to be worth an island of their own
local EVALUATIONS_PER_PART = 1000        -- a few seconds: as much as a kill can lose
local LEAST = 2                          -- what a search needs
local VALIDATION_INSTANCES = 20
local TRIES = 3
local LIMITS = { cpu_ms = 120000, wall_ms = 600000, memory_mb = 128 }

-- How `evaluations` are spread: plan[island] = {evaluations of each part}. The sum is exact.
local function plan_of(evaluations)
  if evaluations < LEAST then return nil, "at least " .. LEAST .. " evaluations are needed, not " .. tostring(evaluations) end
  local islands = math.max(1, math.min(MOST_ISLANDS, math.floor(evaluations / EVALUATIONS_PER_ISLAND)))
  local rounds = math.max(1, math.floor(evaluations / islands / EVALUATIONS_PER_PART))
  local plan, left, parts = {}, evaluations, islands * rounds
  for island = 1, islands do plan[island] = {} end
  for round = 1, rounds do
    for island = 1, islands do
      plan[island][round] = math.floor(left / parts)
      left, parts = left - plan[island][round], parts - 1
    end
  end
  return plan
end

-- A cell.eval that is asked for again if the cell was cut off: the same request gives the same answer.
local function evaluate(request)
  local answer
  for _ = 1, TRIES do
    answer = clade.cell.eval(request)
    if answer.ok or answer.code == "syntax" or answer.code == "error" then break end
  end
  return answer
end

-- One part of an island's search: the answer's value. Raises if it cannot be had.
local function search_part(search, request)
  local answer = evaluate({
    source = search.source, chunk = search.chunk, modules = search.modules, entry = "search", args = { request },
    cpu_ms = LIMITS.cpu_ms, wall_ms = LIMITS.wall_ms, memory_mb = LIMITS.memory_mb,
  })
  if not answer.ok then error("the search failed: " .. tostring(answer.error), 0) end
  return answer.value
end

-- One island from its first part to its last: { scores, trail = {{evaluations so far, excess in training}, …} }.
local function search_island(search, spec, seed, island, parts)
  local result = { trail = {} }
  local done = 0
  for round, evaluations in ipairs(parts) do
    local found = search_part(search, {
      spec = spec.instances, seed = random.derive(seed, "island", island, "part", round), evaluations = evaluations,
      start = result.scores, from = (round - 1) / #parts, to = round / #parts,
    })
    done = done + evaluations
    result.scores = found.scores
    result.trail[round] = { done, found.excess }
  end
  return result
end

local function functions_of(count, fn)
  local list = {}
  for index = 1, count do list[index] = function() return fn(index) end end
  return list
end

-- The sources of all islands, measured by the skill's judge: the best { source, value, island }.
local function best_source(skill, spec, seed, islands)
  local sources = {}
  for index, island in ipairs(islands) do
    local block = parameters.table_block("scores", island.scores, 0)
    local source, problem = parameters.replace(skill.source, block)
    if not source then error(spec.skill .. ": " .. problem, 0) end
    sources[index] = source
  end
  local options = { instances = spec.instances, seed = random.derive(seed, "validation"), count = VALIDATION_INSTANCES }
  local answers = clade.all(functions_of(#sources, function(index)
    return evaluate(judge.measure(skill, sources[index], options))
  end))
  local best
  for index, answer in ipairs(answers) do
    local measured, reason = judge.measurement(answer)
    if not measured then error("island " .. index .. ": " .. reason, 0) end
    if not best or measured.excess < best.value then
      best = { source = sources[index], value = measured.excess, island = index }
    end
  end
  return best
end

return {
  api = 1,
  tasks = { "build_product" },
  state = { built = {} },

  -- payload: { spec = { skill, parent, instances, seed, limits = {evaluations, bytes}, … } } as the pm writes it. After a
  -- rejected review it searches again from another seed.
  on_task = function(self, task)
    local spec = task.payload and task.payload.spec
    if not spec or type(spec.skill) ~= "string" or type(spec.limits) ~= "table" then
      return clade.queue.fail(task, "the payload needs { spec = { skill, parent, instances, seed, limits = { evaluations } } }",
        { retry = false })
    end
    local skill, problem = clade.skill.read(spec.skill)
    if not skill then return clade.queue.fail(task, problem, { retry = false }) end
    if skill.hash ~= spec.parent then
      return clade.queue.fail(task, spec.skill .. " has changed since the specification was written: scan it again",
        { retry = false })
    end
    local search = assert(clade.skill.read(SEARCH))
    local plan, reason = plan_of(spec.limits.evaluations)
    if not plan then return clade.queue.fail(task, reason, { retry = false }) end

    -- Builds that were handed in count, not attempts: those that were cut off must lead to the same result.
    local build = (self.state.built[task.id] or 0) + 1
    self.state.built[task.id] = build
    local seed = random.derive(spec.seed, "build", build)
    local islands = clade.all(functions_of(#plan, function(island)
      return search_island(search, spec, seed, island, plan[island])
    end))
    local best = best_source(skill, spec, seed, islands)
    local trails = {}
    for index, island in ipairs(islands) do trails[index] = island.trail end
    clade.queue.review({ type = "code_review", payload = { spec = spec, source = best.source } })
    return {
      hash = clade.hash(best.source), build = build, evaluations = spec.limits.evaluations, validation = best.value,
      island = best.island, trails = trails, rejected = task.error ~= "" and task.error or nil,
    }
  end,

  selftest = function()
    for _, evaluations in ipairs({ 2, 7, 4000, 16001 }) do
      local sum = 0
      for _, parts in ipairs(assert(plan_of(evaluations))) do
        for _, part in ipairs(parts) do
          assert(part >= LEAST)
          sum = sum + part
        end
      end
      assert(sum == evaluations)
    end
    assert(not plan_of(1))
  end,
}
