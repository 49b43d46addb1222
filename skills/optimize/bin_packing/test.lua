-- What every version of the skill must keep. That the shipped one is best fit is another spec.
local function expect(value, wanted, what)
  if value ~= wanted then error(what .. ": " .. tostring(value) .. ", expected " .. tostring(wanted), 2) end
end

-- Some item sizes without a generator: 7, 14, … modulo a prime, within 1 … capacity.
local function sizes(count, capacity)
  local list = {}
  for index = 1, count do list[index] = (index * 7919) % 9973 % capacity + 1 end
  return list
end

return {
  ["never overfills a bin and opens them in order"] = function(skill)
    for _, capacity in ipairs({ 1, 10, 100, 150, 1000 }) do
      local packer, room, used = skill.new(capacity), {}, 0
      for _, item in ipairs(sizes(2000, capacity)) do
        local bin = packer:place(item)
        if bin == used + 1 then
          used = bin
          room[bin] = capacity
        end
        expect(type(bin) == "number" and bin >= 1 and bin <= used, true, "the bin exists")
        room[bin] = room[bin] - item
        expect(room[bin] >= 0, true, "room in bin " .. bin)
      end
      expect(packer:used(), used, "bins used")
    end
  end,
  ["keeps packers apart"] = function(skill)
    local first, second = skill.new(10), skill.new(10)
    expect(first:place(10), 1, "first")
    expect(first:place(10), 2, "first")
    expect(second:place(10), 1, "second")
  end,
  ["uses no more than one bin per item and no fewer than the bound"] = function(skill)
    local packer, sum, items = skill.new(100), 0, sizes(3000, 100)
    for _, item in ipairs(items) do
      packer:place(item)
      sum = sum + item
    end
    expect(packer:used() <= #items and packer:used() >= math.ceil(sum / 100), true, "bins")
  end,
  ["is driven by start and place as well"] = function(skill)
    skill.start(10)
    expect(skill.place(10), 1, "place")
    expect(skill.place(10), 2, "place")
    skill.start(10)
    expect(skill.place(10), 1, "after a new start")
  end,
  ["refuses sizes that do not fit"] = function(skill)
    local packer = skill.new(10)
    for _, item in ipairs({ 0, 11, 1.5, -1, "3" }) do
      expect(pcall(packer.place, packer, item), false, "item " .. tostring(item))
    end
    for _, capacity in ipairs({ 0, 1.5, "x" }) do expect(pcall(skill.new, capacity), false, "capacity") end
  end,
}
