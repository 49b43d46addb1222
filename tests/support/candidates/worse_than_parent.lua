-- Online bin packing: items arrive one by one, and each is put at once into an open bin with room for it or into a new
-- bin. Of the bins that fit, the one with the best score wins: scores[l] for the room l that would be left in it
-- (a new bin is a candidate too). A leftover without a score counts -l, so an empty table is best fit. Equal scores: the
-- smaller leftover.
--
--   local packer = require("optimize.bin_packing").new(100)
--   packer:place(60)   --> 1, the number of the bin
--   packer:place(30)   --> 1
--   packer:place(20)   --> 2, one more than before: a new bin
--
-- Sizes and capacity are integers. An item takes O(capacity) at worst, whatever the number of bins.

-- parameters: begin
local scores = {
  [0] = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24,
  25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, -40, -41, -42, -43, -44, -45, -46,
  -47, -48, -49, -50, -51, -52, -53, -54, -55, -56, -57, -58, -59, -60, -61, -62, -63, -64, -65,
  -66, -67, -68, -69, -70, -71, -72, -73, -74, -75, -76, -77, -78, -79, -80, -81, -82, -83, -84,
  -85, -86, -87, -88, -89, -90, -91, -92, -93, -94, -95, -96, -97, -98, -99, -100,
}
-- parameters: end

local function score(leftover)
  return scores[leftover] or -leftover
end

-- The leftovers 0 … capacity, best first.
local function by_preference(capacity)
  local order = {}
  for leftover = 0, capacity do order[leftover + 1] = leftover end
  table.sort(order, function(a, b)
    local score_a, score_b = score(a), score(b)
    if score_a ~= score_b then return score_a > score_b end
    return a < b
  end)
  return order
end

-- A packer for bins of `capacity`. packer:place(item) puts an item of size 1 … capacity and returns its bin's number;
-- packer:used() is the number of bins. Raises for sizes that are not such integers.
local function new(capacity)
  if type(capacity) ~= "number" or capacity < 1 or capacity % 1 ~= 0 then
    error("bin_packing.new: the capacity must be an integer from 1, not " .. tostring(capacity), 2)
  end
  local order = by_preference(capacity)
  local bins = {}  -- room → the numbers of the bins with that room
  local open = {}  -- room → how many they are
  for room = 0, 2 * capacity do open[room] = 0 end
  for room = 0, capacity do bins[room] = {} end
  local used = 0
  local packer = {}

  function packer.place(_, item)
    if type(item) ~= "number" or item < 1 or item > capacity or item % 1 ~= 0 then
      error("bin_packing.place: an item is an integer from 1 to " .. capacity .. ", not " .. tostring(item), 2)
    end
    local room
    for rank = 1, capacity + 1 do
      room = item + order[rank]
      if room == capacity or open[room] > 0 then break end
    end
    local bin
    if room == capacity then
      used = used + 1
      bin = used
    else
      bin = bins[room][open[room]]
      open[room] = open[room] - 1
    end
    local left = room - item
    open[left] = open[left] + 1
    bins[left][open[left]] = bin
    return bin
  end

  function packer.used() return used end

  return packer
end

-- The same for callers that can only pass plain data: start(capacity), then place(item) → bin.
local current

local function start(capacity)
  current = new(capacity)
  return true
end

local function place(item)
  if not current then error("bin_packing.place: call start(capacity) first", 2) end
  return current:place(item)
end

return { api = 1, new = new, start = start, place = place }
