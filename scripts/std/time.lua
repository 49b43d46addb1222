-- clade.sleep, now, random, all, log and hash: what belongs to the run itself.

local host, check = ...

local time = {}

-- Beyond that there are integers that no number is.
local MOST_NUMBERS = 2 ^ 53

-- Waits. `ms` from 0; after a restart of the host the wait ends when the first one would have. No grant. Await.
--   clade.sleep(250)
function time.sleep(ms)
  check.argument("clade.sleep", "ms", ms, "number")
  return host.request("sleep", { ms = ms })
end

-- The run's time: ms since 1970. The same throughout the run, and when it is executed again.
--   local day = math.floor(clade.now() / 86400000)
function time.now()
  return host.now()
end

-- A random number, from the run's seed: random() in [0, 1), random(n) an integer in 1 … n, random(m, n) in m …
-- n. The same when the run is executed again; each strand has its own sequence. math.random is this function in
-- agents.
--   local pick = list[clade.random(#list)]
function time.random(low, high)
  if low == nil then return host.random() end
  check.argument("clade.random", "low", low, "number")
  check.argument("clade.random", "high", high, "number?")
  if not high then low, high = 1, low end
  low, high = math.floor(low), math.floor(high)
  if not (low <= high) then check.fail("clade.random", "the interval is empty: " .. low .. " … " .. high) end
  if not (low > -MOST_NUMBERS and high - low < MOST_NUMBERS) then
    check.fail("clade.random", "the interval is too large: " .. low .. " … " .. high .. " are more than 2^53 integers")
  end
  return host.random(low, high)
end

-- Runs functions at the same time (each waits on its own) and returns their results in order. If any raises,
-- the first such error in the order of the list is raised after all have ended.
--   local results = clade.all { function() return clade.cell.eval { … } end, function() … end }
function time.all(functions)
  check.argument("clade.all", "functions", functions, "list")
  for index, fn in ipairs(functions) do
    if type(fn) ~= "function" then check.fail("clade.all", "element " .. index .. " is no function") end
  end
  return host.all(functions)
end

-- Writes a line to the host's log under the agent's name. `text` may be any value.
--   clade.log("tried " .. count .. " variants")
function time.log(text)
  return host.log(tostring(text))
end

-- The content hash (BLAKE2b-256) of a text, as 64 hexadecimal digits: what versions are named by.
--   local name = clade.hash(source):sub(1, 12)
function time.hash(text)
  check.argument("clade.hash", "text", text, "text")
  return host.hash(text)
end

return time
