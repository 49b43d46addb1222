-- clade.ledger: what work cost.

local host, check = ...

local ledger = {}

-- Sums of the ledger: { units, cpu_ms, count }. filter: kind ("cell.eval", …), task (that task and all that came of
-- it). Grant ledger.read. Read.
--   local spent = clade.ledger.total { task = task.id }
function ledger.total(filter)
  filter = filter or {}
  check.fields("clade.ledger.total", filter, { kind = "string?", task = "string?" })
  return host.request("ledger.total", filter)
end

return ledger
