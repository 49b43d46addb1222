-- Guard: values
-- Attack: keys and values that no message can hold, in a call's arguments
-- Runs as: agent
-- Ends: kept

local clade = clade
local function gaps() return { 1, nil, 3, nil, nil, 6 } end
return {
  api = 1,
  tasks = { "work" },
  on_task = function()
    local odd = {
      print, coroutine.create(print), { print }, { [true] = 1 }, { [1.5] = 1 }, { [-1] = 1 }, { [2 ^ 53] = 1 },
      { [math.huge] = 1 }, { 1, 2, x = 3 }, { [{}] = 1 }, { [print] = 1 }, gaps(), { [("k"):rep(1e5)] = print },
    }
    for index, payload in ipairs(odd) do
      local ok, problem = pcall(clade.queue.add, { type = "work", payload = payload })
      assert(not ok, "payload " .. index .. " was sent")
      assert(not problem:find("no grant", 1, true), "payload " .. index .. " reached the host")
      assert(not problem:find("0x", 1, true) and #problem < 4096, problem)
    end
    local ok, problem = pcall(clade.queue.add, { type = "work", payload = { 0 / 0, math.huge, -0.0 } })
    assert(not ok and problem:find("no grant", 1, true), problem)
    return true
  end,
}
