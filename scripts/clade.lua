-- Builds the `clade` table of agents. `host` are the primitives (request, put, all, any, timeout, now, random, log, hash),
-- load_part(name, ...) runs scripts/std/<name>.lua with them.

local _, load_part = ...

local check = load_part("check")
local clade = {}
for _, name in ipairs({
  "cell", "data", "file", "knowledge", "ledger", "mail", "process", "proposal", "queue", "rule", "script", "skill", "swarm",
  "vote",
}) do
  clade[name] = load_part(name, check)
end

local time = load_part("time", check)
clade.sleep, clade.now, clade.random, clade.log, clade.hash = time.sleep, time.now, time.random, time.log, time.hash
clade.all, clade.any, clade.timeout, clade.commit = time.all, time.any, time.timeout, time.commit
clade.ask = clade.mail.ask
return clade
