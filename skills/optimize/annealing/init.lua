-- Simulated annealing (S. Kirkpatrick, C. D. Gelatt and M. P. Vecchi, Science 220 (1983) 671-680) of the table of scores
-- that optimize.bin_packing packs by. Only the order of the scores matters, so what is searched is an order of the
-- leftovers 0 … capacity, and a move takes one leftover to another place in it.
--
-- The training instances are drawn anew every few hundred evaluations: a table that only suits some of them does not
-- last. A search is a pure function of its arguments, so a long one is cut into parts that each go on from the last.

local instances = require("optimize.packing_instances")
local random = require("science.random")

-- luacheck: read globals count

local floor, log = math.floor, math.log
local tobit = bit.tobit

local TRAINING_ITEMS = 25000             -- of one evaluation, in as many instances as that makes
local FRESH_EVERY = 200                  -- evaluations on the same instances
local HOTTEST, COLDEST = 4, 0.5          -- in bins of one evaluation
local FARTHEST_MOVE = 0.4                -- of the whole order
local MANY = 2 ^ 40                      -- the unopened bins are bins with full room

local annealing = { api = 1 }

-- Packs items as optimize.bin_packing does with these preferences, keeping no bins but only how many have each room.
-- `order` holds the leftovers, best first, padded to an even length. Returns the number of bins.
local function pack(items, order, capacity)
  local open = {}
  for room = 0, 2 * capacity do open[room] = 0 end
  open[capacity] = MANY
  for index = 1, #items do
    local item = items[index]
    local room
    -- Two per turn, and integers for the compiler's sake: this loop is nearly all of the search's time.
    for rank = 1, capacity + 1, 2 do
      room = tobit(item + order[rank])
      if open[room] ~= 0 then break end
      room = tobit(item + order[rank + 1])
      if open[room] ~= 0 then break end
    end
    open[room] = open[room] - 1
    local left = tobit(room - item)
    open[left] = open[left] + 1
  end
  return MANY - open[capacity]
end

-- The order of the skill: scores[leftover + 1], missing ones count -leftover, ties to the smaller leftover.
local function order_of(scores, capacity)
  local order = {}
  for leftover = 0, capacity do order[leftover + 1] = leftover end
  table.sort(order, function(a, b)
    local score_a, score_b = scores[a + 1] or -a, scores[b + 1] or -b
    if score_a ~= score_b then return score_a > score_b end
    return a < b
  end)
  if #order % 2 == 1 then order[#order + 1] = capacity end
  return order
end

-- The table of scores of an order, as a list: the score of leftover 0 first. Best: capacity + 1, worst: 1.
local function scores_of(order, capacity)
  local scores = {}
  for rank = 1, capacity + 1 do scores[order[rank] + 1] = capacity + 2 - rank end
  return scores
end

-- The bins that optimize.bin_packing needs for items, sizes 1 … capacity, with a list of scores.
function annealing.bins(scores, capacity, items)
  return pack(items, order_of(scores, capacity), capacity)
end

-- The bins of an order on a set, or nil as soon as they are certain to be more than `limit`.
local function evaluate(set, order, capacity, limit)
  local total = 0
  for index = 1, #set do
    total = total + pack(set[index].items, order, capacity)
    if total + set.bound_after[index] > limit then return nil end
  end
  return total
end

local function move(order, from, to)
  local leftover = order[from]
  local step = from < to and 1 or -1
  for rank = from, to - step, step do order[rank] = order[rank + step] end
  order[to] = leftover
end

-- Training instances number `part` of a search.
local function training_set(spec, seed, part)
  local count = math.max(1, floor(TRAINING_ITEMS / spec.items + 0.5))
  local set = assert(instances.generate(spec.text, random.derive(seed, "training", part), count))
  local bound = 0
  set.bound_after = {}
  for index = count, 1, -1 do
    set.bound_after[index] = bound
    bound = bound + set[index].lower_bound
  end
  set.lower_bound = bound
  return set
end

-- A search of request.evaluations evaluations. request:
--   spec           the instances, e.g. "weibull:3:45:100:5000"
--   seed           an integer from 0; another one is another search
--   evaluations    from 2; each packs the training set once and counts one unit
--   start          a list of scores to go on from; best fit if there is none
--   from, to       the part of the cooling this is: 0 hottest … 1 coldest (default 0 and 1)
-- Returns { scores = list, excess = % on its last training set, evaluations }.
function annealing.search(request)
  local spec, problem = instances.specification(request.spec)
  if not spec then error(problem, 0) end
  local evaluations = request.evaluations
  if type(evaluations) ~= "number" or evaluations < 2 or evaluations % 1 ~= 0 then
    error("annealing.search: evaluations must be an integer from 2, not " .. tostring(evaluations), 0)
  end
  local capacity = spec.capacity
  local first, last = request.from or 0, request.to or 1
  local order = order_of(request.start or {}, capacity)
  local generator = random.new(random.derive(request.seed, "moves"))
  local farthest = math.max(1, floor(FARTHEST_MOVE * (capacity + 1)))
  local set, current

  for done = 0, evaluations - 1 do
    count(1)
    if done % FRESH_EVERY == 0 then
      set = training_set(spec, request.seed, floor(done / FRESH_EVERY))
      current = evaluate(set, order, capacity, MANY)
    else
      local temperature = HOTTEST * (COLDEST / HOTTEST) ^ (first + (last - first) * done / evaluations)
      local from = generator.integer(capacity + 1)
      local distance = generator.integer(farthest)
      local to = generator.uniform() < 0.5 and from - distance or from + distance
      to = math.max(1, math.min(capacity + 1, to))
      local limit = current - temperature * log(generator.uniform())
      move(order, from, to)
      local bins = evaluate(set, order, capacity, limit)
      if bins and bins <= limit then current = bins else move(order, to, from) end
    end
  end
  return {
    scores = scores_of(order, capacity), excess = (current - set.lower_bound) / set.lower_bound * 100,
    evaluations = evaluations,
  }
end

return annealing
