-- The search scores by a packer of its own for speed. It must decide exactly as the skill does, or what it finds is worth
-- nothing.
-- luacheck: read globals load

local instances = require("optimize.packing_instances")
local parameters = require("meta.parameters")
local random = require("science.random")

local SKILL = source("skills/optimize/bin_packing/init.lua")

local function annealing(counted)
  return load_module("skills/optimize/annealing/init.lua", {
    count = function(n) if counted then counted.units = (counted.units or 0) + n end end,
  })
end

-- The skill with these scores, as the builder writes it.
local function packer_with(scores)
  local text = assert(parameters.replace(SKILL, parameters.table_block("scores", scores, 0)))
  return assert(load(text, "candidate"))()
end

local function bins_of(module, instance)
  local packer = module.new(instance.capacity)
  for _, item in ipairs(instance.items) do packer:place(item) end
  return packer.used()
end

describe("the annealing", function()
  it("packs exactly as the skill does with the same scores", function()
    local search, generator = annealing(), random.new(11)
    for _, spec in ipairs({ "weibull:3:45:100:400", "uniform:20-100:150:300", "uniform:1-7:7:100", "uniform:2-8:8:100",
      "uniform:1-1:1:5" }) do
      for trial = 1, 6 do
        local instance = instances.generate(spec, trial, 1)[1]
        local scores = {}
        -- Some tables have ties, some end early: leftovers without a score.
        local length = trial == 1 and 0 or trial == 2 and math.floor(instance.capacity / 2) or instance.capacity + 1
        for index = 1, length do scores[index] = generator.integer(trial == 3 and 5 or 1000) - 500 end
        expect(search.bins(scores, instance.capacity, instance.items)).to_be(bins_of(packer_with(scores), instance))
      end
    end
  end)

  it("charges every evaluation", function()
    for _, evaluations in ipairs({ 2, 199, 200, 201, 450 }) do
      local counted = {}
      local found = annealing(counted).search({ spec = "uniform:3-9:12:50", seed = 1, evaluations = evaluations })
      expect(counted.units).to_be(evaluations)
      expect(found.evaluations).to_be(evaluations)
    end
  end)

  it("gives the same when cut into parts", function()
    local first = annealing().search({ spec = "uniform:3-9:12:50", seed = 1, evaluations = 100, from = 0, to = 0.5 })
    local again = annealing().search({ spec = "uniform:3-9:12:50", seed = 1, evaluations = 100, from = 0, to = 0.5 })
    expect(again).to_equal(first)
    local rest = { spec = "uniform:3-9:12:50", seed = 2, evaluations = 100, start = first.scores, from = 0.5, to = 1 }
    expect(annealing().search(rest)).to_equal(annealing().search(rest))
  end)

  it("beats best fit on instances that it did not see", function()
    local spec = "weibull:3:45:100:1000"
    local search = annealing()
    local scores = search.search({ spec = spec, seed = 1, evaluations = 500 }).scores
    local before, after = 0, 0
    for _, instance in ipairs(instances.generate(spec, 1000, 20)) do
      before = before + search.bins({}, 100, instance.items)
      after = after + search.bins(scores, 100, instance.items)
    end
    expect(after < before).to_be(true)
  end)
end)
