-- A candidate that puts two items more into every bin than fit. The judge has to call it invalid.
local capacity, bin, filled, over

return {
  api = 1,
  start = function(size)
    capacity, bin, filled, over = size, 1, 0, 0
    return true
  end,
  place = function(item)
    filled = filled + item
    if filled > capacity then over = over + 1 end
    if over > 2 then
      bin, filled, over = bin + 1, item, 0
    end
    return bin
  end,
}
