local function expect(value, wanted, what)
  if value ~= wanted then error(what .. ": " .. tostring(value) .. ", expected " .. tostring(wanted), 2) end
end

return {
  -- The published example of Rosetta Code's task "Pseudo-random numbers/Combined recursive generator MRG32k3a". Its
  -- state has the newest number first, from_state takes the oldest first.
  ["gives the published numbers"] = function(skill)
    local generator = skill.from_state(0, 0, 1234567, 0, 0, 1234567)
    for _, wanted in ipairs({ 1459213977, 2827710106, 4245671317, 3877608661, 2595287583 }) do
      expect(generator.step(), wanted, "step")
    end
    generator = skill.from_state(0, 0, 987654321, 0, 0, 987654321)
    local seen = { [0] = 0, 0, 0, 0, 0 }
    for _ = 1, 100000 do
      local bucket = math.floor(generator.uniform() * 5)
      seen[bucket] = seen[bucket] + 1
    end
    for bucket, wanted in pairs({ [0] = 20002, 20060, 19948, 20059, 19931 }) do
      expect(seen[bucket], wanted, "bucket " .. bucket)
    end
  end,
  ["repeats itself for a seed and differs for the next"] = function(skill)
    local first, same, next_seed = skill.new(7), skill.new(7), skill.new(8)
    local differs = false
    for _ = 1, 100 do
      local value = first.step()
      expect(same.step(), value, "same seed")
      differs = differs or next_seed.step() ~= value
    end
    expect(differs, true, "another seed differs")
  end,
  ["keeps integers in their interval"] = function(skill)
    local generator, seen = skill.new(1), {}
    for _ = 1, 1000 do seen[generator.integer(6)] = true end
    for value in pairs(seen) do expect(value >= 1 and value <= 6 and value % 1 == 0, true, "interval") end
    expect(#seen, 6, "all faces")
  end,
  ["derives seeds from every part"] = function(skill)
    expect(skill.derive(1, "a"), skill.derive(1, "a"), "stable")
    for _, other in ipairs({ skill.derive(1, "b"), skill.derive(2, "a"), skill.derive("1a"), skill.derive("a", 1) }) do
      expect(other ~= skill.derive(1, "a"), true, "distinct")
    end
  end,
  ["refuses a seed that is no integer"] = function(skill)
    for _, seed in ipairs({ 1.5, -1, "x" }) do expect(pcall(skill.new, seed), false, tostring(seed)) end
  end,
}
