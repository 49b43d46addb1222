-- Every shipped skill's own tests, and what must hold for all of them.
local lint = require("meta.lint")

local SKILLS = {
  ["meta.judge"] = {}, ["meta.lint"] = { "meta.parameters" }, ["meta.parameters"] = {},
  ["optimize.bin_packing"] = {}, ["optimize.packing_instances"] = { "science.random" },
  ["science.plot"] = {}, ["science.random"] = {}, ["science.statistics"] = {},
}
local SEARCHES = { ["optimize.annealing"] = { "optimize.packing_instances", "science.random" } }

local function path_of(id) return "skills/" .. id:gsub("%.", "/") end

local function run_tests(id)
  local globals = { count = function() end }
  local skill = load_module(path_of(id) .. "/init.lua", globals)
  local tests, number = load_module(path_of(id) .. "/test.lua", globals), 0
  for _, test in pairs(tests) do
    test(skill)
    number = number + 1
  end
  expect(number > 2).to_be(true)
end

describe("the skills", function()
  for _, group in ipairs({ SKILLS, SEARCHES }) do
    for id, uses in pairs(group) do
      it(id .. " passes its tests", function() run_tests(id) end)
      it(id .. " declares what it uses", function()
        local manifest = source(path_of(id) .. "/skill.yaml")
        expect(manifest).to_contain("id: " .. id .. "\n")
        expect(manifest).to_contain("\nuses: [" .. table.concat(uses, ", ") .. "]\n")
      end)
    end
  end

  for id, uses in pairs(SKILLS) do
    it(id .. " passes the review of sources", function()
      expect(lint.review(source(path_of(id) .. "/init.lua"), { uses = uses }).problems).to_equal({})
    end)
  end

  -- A long list of numbers in a source of this repository would be a table that was learned before.
  it("hold no table of numbers", function()
    for _, group in ipairs({ SKILLS, SEARCHES }) do
      for id in pairs(group) do
        local numbers, longest = 0, 0
        for _, token in ipairs(lint.tokens(source(path_of(id) .. "/init.lua"))) do
          if token.kind == "number" then
            numbers = numbers + 1
          elseif token.text ~= "," and token.text ~= "-" then
            numbers = 0
          end
          longest = math.max(longest, numbers)
        end
        expect(longest < 10).to_be(true)
      end
    end
    local _, block = require("meta.parameters").split(source("skills/optimize/bin_packing/init.lua"))
    expect(block).to_be("local scores = {}\n")
  end)
end)
