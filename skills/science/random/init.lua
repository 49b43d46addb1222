-- Pseudo-random numbers that are the same on every machine: MRG32k3a of P. L'Ecuyer, "Good Parameters and
-- Implementations for Combined Multiple Recursive Random Number Generators", Operations Research 47 (1999) 159-164.
-- Every intermediate value is an integer below 2^53, so doubles hold it exactly. Not for secrets.

local floor = math.floor

local M1, M2 = 4294967087, 4294944443 -- 2^32 - 209, 2^32 - 22853
local MINSTD_MODULUS, MINSTD_FACTOR = 2147483647, 48271 -- S. K. Park and K. W. Miller, CACM 31 (1988) and 36 (1993)

local random = { api = 1 }

-- A seed (an integer from 0 to 2^31 - 3) that depends on every byte of the texts and numbers given, in their order:
-- derive(1, "train", 3).
function random.derive(...)
  local state = 1
  for index = 1, select("#", ...) do
    local text = tostring((select(index, ...))) .. "\0"
    for position = 1, #text do
      state = (state * MINSTD_FACTOR + text:byte(position) + 1) % MINSTD_MODULUS
    end
  end
  for _ = 1, 4 do state = (state * MINSTD_FACTOR + 11) % MINSTD_MODULUS end
  return state % (MINSTD_MODULUS - 1)
end

-- A generator from the six numbers of its state, as the paper names them.
function random.from_state(a, b, c, d, e, f)
  local generator = {}

  -- An integer from 1 to 2^32 - 208.
  local function step()
    local first = (1403580 * b - 810728 * a) % M1
    a, b, c = b, c, first
    local second = (527612 * f - 1370589 * d) % M2
    d, e, f = e, f, second
    return (first - second) % M1 + 1
  end
  generator.step = step

  -- A number above 0 and below 1.
  function generator.uniform() return step() / (M1 + 1) end

  -- An integer from 1 to n, n up to 2^31. (The bias is below n / 2^32.)
  function generator.integer(n) return 1 + floor(step() / (M1 + 1) * n) end

  return generator
end

-- A generator from an integer seed, from 0. Near seeds give unrelated sequences.
function random.new(seed)
  if type(seed) ~= "number" or seed < 0 or seed % 1 ~= 0 then
    error("random.new: the seed must be an integer from 0, not " .. tostring(seed), 2)
  end
  local state = random.derive(seed) + 1
  local function part()
    state = state * MINSTD_FACTOR % MINSTD_MODULUS
    return state
  end
  for _ = 1, 8 do part() end
  return random.from_state(part(), part(), part(), part(), part(), part())
end

return random
