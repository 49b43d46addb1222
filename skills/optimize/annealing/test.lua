local instances = require("optimize.packing_instances")
local random = require("science.random")

local function expect(value, wanted, what)
  if value ~= wanted then error(what .. ": " .. tostring(value) .. ", expected " .. tostring(wanted), 2) end
end

return {
  ["starts from best fit"] = function(skill)
    expect(skill.bins({}, 10, { 6, 5, 4, 5 }), 2, "best fit")
    expect(skill.bins({}, 10, { 6, 5, 5, 4, 1 }), 3, "one more")
  end,
  ["finds less waste than it began with"] = function(skill)
    local spec = "weibull:3:45:100:500"
    local found = skill.search({ spec = spec, seed = 3, evaluations = 300 })
    local scores, before, after = found.scores, 0, 0
    for _, instance in ipairs(instances.generate(spec, 99, 20)) do
      before = before + skill.bins({}, 100, instance.items)
      after = after + skill.bins(scores, 100, instance.items)
    end
    expect(after < before, true, after .. " bins against " .. before)
  end,
  ["is a function of its arguments"] = function(skill)
    local request = { spec = "uniform:3-9:12:60", seed = 5, evaluations = 250, from = 0.5, to = 0.75 }
    local first, same = skill.search(request), skill.search(request)
    request.seed = 6
    local other = skill.search(request)
    expect(table.concat(first.scores, " "), table.concat(same.scores, " "), "same seed")
    expect(table.concat(first.scores, " ") ~= table.concat(other.scores, " "), true, "another seed")
    expect(#first.scores, 13, "a score for every leftover")
  end,
  ["goes on from a table"] = function(skill)
    local generator, start, seen = random.new(1), {}, {}
    for index = 1, 13 do start[index] = generator.integer(100) end
    local found = skill.search({ spec = "uniform:3-9:12:60", seed = 1, evaluations = 2, start = start })
    for _, value in ipairs(found.scores) do seen[value] = true end
    expect(#seen, 13, "an order of all leftovers")
  end,
  ["refuses what it cannot search"] = function(skill)
    expect(pcall(skill.search, { spec = "normal:1", seed = 1, evaluations = 10 }), false, "spec")
    expect(pcall(skill.search, { spec = "uniform:3-9:12:60", seed = 1, evaluations = 1.5 }), false, "evaluations")
  end,
}
