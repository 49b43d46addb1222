-- Guard: machinery
-- Attack: random numbers from ranges that are empty, endless or no numbers
-- Runs as: agent
-- Ends: kept

local clade = clade
return {
  api = 1,
  tasks = { "work" },
  on_task = function()
    for _, range in ipairs({
      { 0 }, { -1 }, { 2, 1 }, { 0 / 0 }, { 1, 0 / 0 }, { {} }, { "x" }, { math.huge }, { -math.huge, math.huge },
      { 1, math.huge }, { -2 ^ 53, 2 ^ 53 },
    }) do
      for _, random in ipairs({ clade.random, math.random }) do
        local ok, problem = pcall(random, range[1], range[2])
        assert(not ok, "a number from " .. tostring(range[1]) .. " … " .. tostring(range[2]))
        assert(problem:find("clade.random: ", 1, true), problem)
      end
    end
    assert(not pcall(math.randomseed, 1))
    for _ = 1, 100 do
      local number = clade.random(-3, 3)
      assert(number >= -3 and number <= 3 and number % 1 == 0)
    end
    return true
  end,
}
