-- A candidate that wants to see all items before it decides: sorted by size it would pack them far better than any
-- packer that must answer at once. The judge has to call it invalid.
local capacity, items

local function place(item)
  items[#items + 1] = item
  return nil -- "later"
end

-- First fit decreasing over everything seen, for a judge that would ask.
local function finish()
  table.sort(items, function(a, b) return a > b end)
  local room, bins = {}, {}
  for index, item in ipairs(items) do
    local bin = 1
    while room[bin] and room[bin] < item do bin = bin + 1 end
    room[bin] = (room[bin] or capacity) - item
    bins[index] = bin
  end
  return bins
end

return {
  api = 1,
  start = function(size)
    capacity, items = size, {}
    return true
  end,
  place = place,
  finish = finish,
}
