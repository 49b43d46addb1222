-- The judge of optimize.bin_packing. The candidate runs in another VM and is reached only through subject.call: it is
-- told the capacity and then one item at a time, and the judge keeps the bins itself, so what a candidate could
-- look ahead to or claim does not exist here.

local instances = require("optimize.packing_instances")

local DEFAULT_INSTANCES, DEFAULT_COUNT, DEFAULT_SEED = "weibull:3:45:100:5000", 40, 1

-- Packs one instance. Returns the number of bins, or nil and what the candidate did wrong.
local function pack(instance)
  local capacity = instance.capacity
  local ok, problem = subject.call("start", capacity)
  if not ok then return nil, "start failed: " .. tostring(problem) end
  local room, used = {}, 0
  for position, item in ipairs(instance.items) do
    local placed, bin = subject.call("place", item)
    if not placed then return nil, string.format("item %d: place failed: %s", position, tostring(bin)) end
    if type(bin) ~= "number" or bin ~= bin or bin % 1 ~= 0 or bin < 1 or bin > used + 1 then
      return nil, string.format("item %d: %s is no bin, there are %d and a new one would be %d", position,
        tostring(bin), used, used + 1)
    end
    if bin == used + 1 then
      used = bin
      room[bin] = capacity
    end
    if room[bin] < item then
      return nil, string.format("item %d: its size is %d, bin %d has room for %d", position, item, bin, room[bin])
    end
    room[bin] = room[bin] - item
  end
  return used
end

-- Measures the candidate. Options, all optional:
--   text, name               an instance file in either format of knowledge/packing, and its name for messages
--   instances, seed, count   otherwise: what to generate ("weibull:3:45:100:5000"), from which seed, how many
-- Returns { valid = true, excess (%), bins, lower_bound, instances, each = {excess of each, …} } (bins and lower_bound
-- are sums), or { valid = false, reason }. Counts one unit per instance. Raises for data it cannot read.
local function bench(options)
  local set, problem
  if options.text then
    set, problem = instances.parse(options.text, options.name or "the data")
  else
    set, problem = instances.generate(options.instances or DEFAULT_INSTANCES, options.seed or DEFAULT_SEED,
      options.count or DEFAULT_COUNT)
  end
  if not set then error(problem, 0) end
  local bins, bound, each = 0, 0, {}
  for index, instance in ipairs(set) do
    count(1)
    local used, wrong = pack(instance)
    if not used then return { valid = false, reason = "instance " .. instance.name .. ", " .. wrong } end
    bins, bound = bins + used, bound + instance.lower_bound
    each[index] = (used - instance.lower_bound) / instance.lower_bound * 100
  end
  return {
    valid = true, excess = (bins - bound) / bound * 100, bins = bins, lower_bound = bound, instances = #set, each = each,
  }
end

return { bench = bench }
