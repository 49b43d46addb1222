-- The shipped packer is best fit and nothing more, and its judge cannot be talked into anything.
local packing = require("optimize.bin_packing")
local instances = require("optimize.packing_instances")

-- The judge over a candidate in this VM, reached through calls alone. `counted.units` are the units it charged.
local function judge(module, counted)
  return load_module("skills/optimize/bin_packing/bench.lua", {
    count = function(n) if counted then counted.units = (counted.units or 0) + n end end,
    subject = { call = function(name, ...) return pcall(module[name], ...) end },
  })
end

local function bench(module, options)
  return judge(module).bench(options)
end

-- Best fit by its definition: of the bins with room the fullest, else a new one. Returns the rooms left, sorted.
local function best_fit(items, capacity)
  local room = {}
  for _, item in ipairs(items) do
    local best
    for bin = 1, #room do
      if room[bin] >= item and (not best or room[bin] < room[best]) then best = bin end
    end
    if not best then
      best = #room + 1
      room[best] = capacity
    end
    room[best] = room[best] - item
  end
  table.sort(room)
  return room
end

local function rooms_of(module, items, capacity)
  local packer, room = module.new(capacity), {}
  for _, item in ipairs(items) do
    local bin = packer:place(item)
    room[bin] = (room[bin] or capacity) - item
  end
  table.sort(room)
  return room
end

describe("the shipped packer", function()
  it("decides as best fit", function()
    for _, spec in ipairs({ "weibull:3:45:100:700", "uniform:20-100:150:300", "uniform:1-7:7:200", "uniform:3-3:10:20" }) do
      for _, instance in ipairs(instances.generate(spec, 4, 2)) do
        expect(rooms_of(packing, instance.items, instance.capacity)).to_equal(best_fit(instance.items, instance.capacity))
      end
    end
  end)

  it("gives the published figures of best fit", function()
    for file, figure in pairs({ ["weibull5k"] = 3.98, ["orlib_binpack1"] = 5.81, ["orlib_binpack3"] = 5.37 }) do
      local result = bench(packing, { text = source("knowledge/packing/" .. file .. ".txt"), name = file })
      expect(result.valid).to_be(true)
      expect(result.excess).to_be_near(figure, 0.005)
    end
  end)
end)

describe("the judge", function()
  it("measures generated instances and charges a unit for each", function()
    local counted = {}
    local result = judge(packing, counted).bench({ instances = "uniform:20-100:150:60", seed = 2, count = 7 })
    expect(counted.units).to_be(7)
    expect(#result.each).to_be(7)
    expect(result.instances).to_be(7)
    local bins, bound = 0, 0
    for _, instance in ipairs(instances.generate("uniform:20-100:150:60", 2, 7)) do
      bins, bound = bins + #best_fit(instance.items, 150), bound + instance.lower_bound
    end
    expect(result.bins).to_be(bins)
    expect(result.lower_bound).to_be(bound)
    expect(result.excess).to_be_near((bins - bound) / bound * 100, 1e-9)
  end)

  it("reveals one item at a time", function()
    local seen = {}
    local spy = {
      start = function(...) seen[#seen + 1] = { "start", ... } end,
      place = function(...)
        seen[#seen + 1] = { "place", ... }
        return #seen - 1
      end,
    }
    bench(spy, { text = "1 10\n3 4 5 6\n", name = "x" })
    expect(seen).to_equal({ { "start", 10 }, { "place", 4 }, { "place", 5 }, { "place", 6 } })
  end)

  it("calls an offline packer invalid", function()
    local result = bench(load_module("tests/support/candidates/offline_packer.lua"), { count = 1 })
    expect(result.valid).to_be(false)
    expect(result.reason).to_contain("item 1: nil is no bin")
    expect(result.excess).to_be(nil)
  end)

  it("calls an over-filling candidate invalid", function()
    local result = bench(load_module("tests/support/candidates/overfilling.lua"), { count = 1 })
    expect(result.valid).to_be(false)
    expect(result.reason).to_match("instance 1, item %d+: its size is %d+, bin 1 has room for %d+")
  end)

  it("checks every decision", function()
    local text = "1 10\n3 4 5 6\n"
    local answers = { [0] = "0", [1.5] = "1.5", [3] = "3", [-1] = "-1", [1 / 0] = "inf" }
    for bin, shown in pairs(answers) do
      local result = bench({ start = function() end, place = function() return bin end }, { text = text, name = "x" })
      expect(result.valid).to_be(false)
      expect(result.reason).to_contain("item 1: " .. shown .. " is no bin")
    end
    for _, bin in ipairs({ "1", true, {} }) do
      expect(bench({ start = function() end, place = function() return bin end }, { text = text, name = "x" }).valid).to_be(false)
    end
    local nan = bench({ start = function() end, place = function() return 0 / 0 end }, { text = text, name = "x" })
    expect(nan.valid).to_be(false)
  end)

  it("tells a candidate that raises from one that packs badly", function()
    local broken = { start = function() end, place = function() error("no idea") end }
    expect(bench(broken, { count = 1 }).reason).to_match("instance 1, item 1: place failed: .*no idea")
    expect(bench({}, { count = 1 }).reason).to_contain("start failed")
    local used = 0
    local wasteful = {
      start = function() used = 0 end,
      place = function()
        used = used + 1
        return used
      end,
    }
    local result = bench(wasteful, { text = "1 10\n3 4 5 6\n", name = "x" })
    expect(result.valid).to_be(true)
    expect(result.bins).to_be(3)
  end)

  it("raises for data it cannot read", function()
    expect(function() bench(packing, { text = "hello", name = "data.txt" }) end).to_fail_with("data.txt:1:")
    expect(function() bench(packing, { instances = "normal:1:2" }) end).to_fail_with("write weibull:")
  end)
end)
