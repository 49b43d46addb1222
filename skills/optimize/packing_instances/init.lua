-- Bin packing instances: { name, capacity, items = {sizes, integers}, lower_bound }.

local random = require("science.random")

local floor, ceil, exp = math.floor, math.ceil, math.exp

local packing_instances = { api = 1 }

local DEFAULT_ITEMS = { weibull = 5000, uniform = 250 }
local MOST_ITEMS, LARGEST_CAPACITY, MOST_INSTANCES = 1000000, 100000, 100000

-- ceil(sum / capacity): no packing has fewer bins.
function packing_instances.lower_bound(items, capacity)
  local sum = 0
  for _, item in ipairs(items) do sum = sum + item end
  return ceil(sum / capacity)
end

local function instance_of(name, capacity, items)
  return {
    name = name, capacity = capacity, items = items, lower_bound = packing_instances.lower_bound(items, capacity),
  }
end

-- The lines of a text that are not blank: { {number, text}, … }.
local function lines_of(text)
  local lines, number = {}, 0
  for line in (text .. "\n"):gmatch("(.-)\r?\n") do
    number = number + 1
    if line:find("%S") then lines[#lines + 1] = { number, line } end
  end
  return lines
end

local function integer(word, low, high)
  local value = word:match("^%d+$") and tonumber(word)
  return value and value >= low and value <= high and value or nil
end

-- Reads the items in `words` from `first` on; nil and the wrong word otherwise.
local function read_items(words, first, capacity)
  local items = {}
  for index = first, #words do
    local item = integer(words[index], 1, capacity)
    if not item then return nil, words[index] end
    items[#items + 1] = item
  end
  return items
end

local function words_of(line)
  local words = {}
  for word in line:gmatch("%S+") do words[#words + 1] = word end
  return words
end

-- "<instances> <capacity>", then a line per instance: <n> and n sizes.
local function parse_lines(lines, wrong)
  local header = words_of(lines[1][2])
  local count, capacity = integer(header[1], 1, MOST_INSTANCES), integer(header[2], 1, LARGEST_CAPACITY)
  if not count or not capacity then
    return wrong(lines[1][1], "the first line is the number of instances and the capacity, e.g. \"5 100\"")
  end
  if #lines - 1 ~= count then
    return wrong(lines[1][1], count .. " instances are announced and " .. #lines - 1 .. " lines follow")
  end
  local set = {}
  for index = 2, #lines do
    local number, words = lines[index][1], words_of(lines[index][2])
    local items, bad = read_items(words, 2, capacity)
    if not items then return wrong(number, "\"" .. bad .. "\" is no size from 1 to " .. capacity) end
    if integer(words[1], 1, MOST_ITEMS) ~= #items then
      return wrong(number, "it begins with the number of its items, " .. words[1] .. ", but " .. #items .. " follow")
    end
    set[index - 1] = instance_of(tostring(index - 1), capacity, items)
  end
  return set
end

-- OR-Library: "<instances>", then per instance its name, "<capacity> <n> <best known bins>" and n lines with a size.
local function parse_or_library(lines, wrong)
  local count = integer(lines[1][2]:match("%S+"), 1, MOST_INSTANCES)
  if not count then return wrong(lines[1][1], "the first line is the number of instances, or \"<instances> <capacity>\"") end
  local set, at = {}, 2
  local last = lines[#lines][1]
  for index = 1, count do
    local name, head = lines[at], lines[at + 1]
    if not head then return wrong(last, "it ends before instance " .. index .. " of " .. count) end
    local words = words_of(head[2])
    local capacity, n = integer(words[1], 1, LARGEST_CAPACITY), integer(words[2] or "", 1, MOST_ITEMS)
    if #words ~= 3 or not capacity or not n then
      return wrong(head[1], "after an instance's name come its capacity, number of items and best known bins")
    end
    local items = {}
    for offset = 1, n do
      local line = lines[at + 1 + offset]
      if not line then
        return wrong(last, "it ends in instance " .. index .. ", after " .. offset - 1 .. " of " .. n .. " items")
      end
      local size = integer(line[2]:match("^%s*(.-)%s*$"), 1, capacity)
      if not size then return wrong(line[1], "\"" .. line[2] .. "\" is no size from 1 to " .. capacity) end
      items[offset] = size
    end
    set[index] = instance_of(name[2]:match("%S+"), capacity, items)
    at = at + 2 + n
  end
  if lines[at] then return wrong(lines[at][1], "there is more text than the " .. count .. " instances announced") end
  return set
end

-- The instances of a file's text, in either format of knowledge/packing; or nil and a message with `name` and the line.
function packing_instances.parse(text, name)
  local function wrong(line, what) return nil, string.format("%s:%d: %s", name, line, what) end
  local lines = lines_of(text)
  if #lines == 0 then return wrong(1, "no instances: the file is empty") end
  if #words_of(lines[1][2]) == 2 then return parse_lines(lines, wrong) end
  return parse_or_library(lines, wrong)
end

-- A specification as a table: { family, capacity, items, text } with shape and scale, or low and high; text is the full
-- form. "weibull:SHAPE:SCALE:CAPACITY[:ITEMS]" (5000 items) or "uniform:LOW-HIGH:CAPACITY[:ITEMS]" (250). Or nil and
-- a message.
function packing_instances.specification(text)
  local function wrong(what)
    return nil, string.format("the instances \"%s\": %s; write weibull:SHAPE:SCALE:CAPACITY[:ITEMS] or " ..
      "uniform:LOW-HIGH:CAPACITY[:ITEMS]", tostring(text), what)
  end
  if type(text) ~= "string" then return wrong("a text is needed") end
  local parts = {}
  for part in (text .. ":"):gmatch("(.-):") do parts[#parts + 1] = part end
  local family = parts[1]
  local at = family == "weibull" and 4 or family == "uniform" and 3
  if not at then return wrong("the distribution \"" .. family .. "\" is unknown") end
  if #parts ~= at and #parts ~= at + 1 then return wrong("it has " .. #parts .. " parts") end
  local spec = { family = family, capacity = integer(parts[at], 1, LARGEST_CAPACITY), items = DEFAULT_ITEMS[family] }
  if parts[at + 1] then spec.items = integer(parts[at + 1], 1, MOST_ITEMS) end
  if not spec.capacity then return wrong("the capacity is an integer from 1 to " .. LARGEST_CAPACITY) end
  if not spec.items then return wrong("the number of items is an integer from 1 to " .. MOST_ITEMS) end
  if family == "weibull" then
    spec.shape, spec.scale = tonumber(parts[2]), tonumber(parts[3])
    if not (spec.shape and spec.scale and spec.shape > 0 and spec.scale > 0 and spec.shape + spec.scale < 1e9) then
      return wrong("shape and scale are positive numbers")
    end
    spec.text = string.format("weibull:%.14g:%.14g:%d:%d", spec.shape, spec.scale, spec.capacity, spec.items)
  else
    local low, high = parts[2]:match("^(%d+)%-(%d+)$")
    spec.low, spec.high = low and integer(low, 1, spec.capacity), high and integer(high, 1, spec.capacity)
    if not (spec.low and spec.high and spec.low <= spec.high) then
      return wrong("the sizes are LOW-HIGH with 1 ≤ LOW ≤ HIGH ≤ capacity")
    end
    spec.text = string.format("uniform:%d-%d:%d:%d", spec.low, spec.high, spec.capacity, spec.items)
  end
  return spec
end

-- A function that draws a size. Weibull: x = scale · (-ln u)^(1/shape), clipped to 1 … capacity and rounded, by the
-- thresholds of its distribution function, so that a difference in the last bit of a library's exp all but never shows.
local function sampler(spec, generator)
  if spec.family == "uniform" then
    local width = spec.high - spec.low + 1
    return function() return spec.low - 1 + generator.integer(width) end
  end
  local capacity, below = spec.capacity, {}
  for size = 1, capacity - 1 do below[size] = 1 - exp(-((size + 0.5) / spec.scale) ^ spec.shape) end
  below[capacity] = 2
  return function()
    local u = generator.uniform()
    local low, high = 1, capacity
    while low < high do
      local middle = floor((low + high) / 2)
      if u < below[middle] then high = middle else low = middle + 1 end
    end
    return low
  end
end

-- `count` instances from a specification and an integer seed; or nil and a message.
function packing_instances.generate(text, seed, count)
  local spec, problem = packing_instances.specification(text)
  if not spec then return nil, problem end
  local draw = sampler(spec, random.new(random.derive(seed, spec.text)))
  local set = {}
  for index = 1, count do
    local items = {}
    for position = 1, spec.items do items[position] = draw() end
    set[index] = instance_of(tostring(index), spec.capacity, items)
  end
  return set
end

-- Of a list of published benchmarks ({ {instances, …}, … }, see knowledge/packing/figures.yaml) those with the same
-- distribution and capacity as a specification; one with the same number of items comes first. Empty if there are none.
function packing_instances.related(benchmarks, text)
  local wanted = packing_instances.specification(text)
  local found = {}
  for _, benchmark in ipairs(wanted and benchmarks or {}) do
    local spec = packing_instances.specification(benchmark.instances)
    if spec and spec.text == wanted.text then
      table.insert(found, 1, benchmark)
    elseif spec and spec.text:match("^(.*):") == wanted.text:match("^(.*):") then
      found[#found + 1] = benchmark
    end
  end
  return found
end

return packing_instances
