-- clade.sleep, now, random, all, any, timeout, log and hash: what belongs to the run itself.

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

-- The run's time: ms since 1970. It stands still while the handler computes: when its wait ends, it is the moment when
-- what it waited for was there. The same when the run is executed again. os.time and os.clock do not exist.
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
  check.functions("clade.all", functions)
  return host.all(functions)
end

-- Runs functions at the same time until one returns; what the others still wait for is ended. Returns its first result
-- and its index in the list. One that raises is out; if all do, the first such error in the order of the list is raised.
-- What a function has sent or added before it was ended stays. A program that it was waiting for is killed: what that
-- had done by then is done.
--   local answer, index = clade.any { function() return assert(clade.ask { … }) end, function() … end }
function time.any(functions)
  check.functions("clade.any", functions)
  if #functions == 0 then check.fail("clade.any", "the list is empty: nothing could return") end
  return host.any(functions)
end

-- Runs a function, but no longer than `ms`: then what it waits for is ended as with clade.any. Returns its first result,
-- or nil, message, "timeout". Raises what it raises.
--   local result, message, code = clade.timeout(60000, function() return clade.cell.eval { … } end)
function time.timeout(ms, fn)
  check.argument("clade.timeout", "ms", ms, "number")
  check.argument("clade.timeout", "fn", fn, "function")
  return host.timeout(ms, fn)
end

-- Makes what the handler has done so far take effect: its state, and the mail, tasks, data and files that it has sent,
-- added, set and written. It goes on; if it fails later, that stays, and its next attempt begins with that state. The task
-- or message is only over when the handler returns. Works in the handler itself, not in a function of clade.all,
-- clade.any or clade.timeout. Await.
--   for _, page in ipairs(pages) do fetch(self, page) clade.commit() end
function time.commit()
  return host.commit()
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
