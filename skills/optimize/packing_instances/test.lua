local function expect(value, wanted, what)
  if value ~= wanted then error(what .. ": " .. tostring(value) .. ", expected " .. tostring(wanted), 2) end
end

local function expect_error(value, message, pattern)
  expect(value, nil, "value")
  if not tostring(message):find(pattern) then error(tostring(message) .. " does not match " .. pattern, 2) end
end

return {
  ["reads a line per instance"] = function(skill)
    local set = assert(skill.parse("2 10\n3 4 5 6\n1 10\n", "a.txt"))
    expect(#set, 2, "instances")
    expect(set[1].capacity, 10, "capacity")
    expect(table.concat(set[1].items, " "), "4 5 6", "items")
    expect(set[1].lower_bound, 2, "bound")
    expect(set[2].lower_bound, 1, "bound")
  end,
  ["reads the format of the OR-Library"] = function(skill)
    local set = assert(skill.parse(" 2\r\n u_0\r\n 150 2 1\r\n42\r\n69\r\n u_1\r\n 10 1 1\r\n 7 \r\n", "b.txt"))
    expect(#set, 2, "instances")
    expect(set[1].name, "u_0", "name")
    expect(set[1].capacity, 150, "capacity")
    expect(set[2].items[1], 7, "item")
  end,
  ["names file and line of what is wrong"] = function(skill)
    local cases = {
      { "", "c.txt:1: no instances" },
      { "hello", "c.txt:1: the first line" },
      { "1 10\n2 4 x\n", "c.txt:2: \"x\" is no size from 1 to 10" },
      { "1 10\n2 4 11\n", "c.txt:2: \"11\"" },
      { "1 10\n\n3 4 5\n", "c.txt:3: it begins with the number" },
      { "2 10\n1 4\n", "c.txt:1: 2 instances are announced and 1" },
      { "1\nu\n10 2 1\n4\n", "c.txt:4: it ends in instance 1, after 1 of 2" },
      { "1\nu\n10 1 1\nq\n", "c.txt:4: \"q\"" },
      { "1\nu\n10 1\n4\n", "c.txt:3: after an instance's name" },
      { "1\nu\n10 1 1\n4\nmore\n", "c.txt:5: there is more" },
    }
    for _, case in ipairs(cases) do
      local set, message = skill.parse(case[1], "c.txt")
      expect_error(set, message, case[2])
    end
  end,
  ["completes a specification"] = function(skill)
    expect(skill.specification("weibull:3:45:100").text, "weibull:3:45:100:5000", "weibull")
    expect(skill.specification("uniform:20-100:150").text, "uniform:20-100:150:250", "uniform")
    for _, bad in ipairs({ "", "normal:1:2:3", "weibull:3:45", "weibull:0:45:100", "uniform:20:150", "uniform:30-20:150",
      "uniform:20-200:150", "uniform:20-100:150:0", "uniform:20-100:150:5:6" }) do
      local spec, message = skill.specification(bad)
      expect_error(spec, message, "write weibull:")
    end
  end,
  ["finds the benchmarks of a distribution"] = function(skill)
    local list = {
      { name = "OR1", instances = "uniform:20-100:150:120" }, { name = "OR2", instances = "uniform:20-100:150" },
      { name = "W", instances = "weibull:3:45:100" },
    }
    local found = skill.related(list, "uniform:20-100:150:250")
    expect(#found, 2, "number")
    expect(found[1].name, "OR2", "the same number of items comes first")
    expect(#skill.related(list, "uniform:20-99:150"), 0, "another distribution")
  end,
  ["generates the same from a seed, within bounds"] = function(skill)
    for _, spec in ipairs({ "weibull:3:45:100:2000", "uniform:20-100:150:2000" }) do
      local set, same, other = skill.generate(spec, 1, 2), skill.generate(spec, 1, 2), skill.generate(spec, 2, 2)
      local low, high = spec:find("uniform") and 20 or 1, 100
      local sum = 0
      for position, item in ipairs(set[2].items) do
        expect(item, same[2].items[position], "item")
        expect(item >= low and item <= high and item % 1 == 0, true, "size " .. item)
        sum = sum + item
      end
      expect(table.concat(other[1].items, " ") ~= table.concat(set[1].items, " "), true, "another seed")
      -- Means: 45 · Γ(4/3) = 40.18 and 60; five standard errors are below 2.7.
      local mean = spec:find("uniform") and 60 or 40.18
      expect(math.abs(sum / 2000 - mean) < 2.7, true, "mean " .. sum / 2000)
    end
  end,
}
