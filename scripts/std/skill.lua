-- clade.skill: the swarm's skills as data.

local host, check = ...

local skill = {}

-- The skills that this agent may read: { { id, hash, summary, version, benchmark, uses, tags }, … }. Grant
-- skill.read:<id> for each that is to be in it. Read.
--   for _, entry in ipairs(clade.skill.list()) do … end
function skill.list()
  return host.request("skill.list", {})
end

-- One skill: the fields of list, and source, chunk, path, test, bench (texts) and modules (what it and its
-- benchmark use: id → { source, chunk }, ready for cell.eval). nil, message, "not_found". Grant
-- skill.read:<id>. Read.
--   local parent = clade.skill.read("optimize.bin_packing")
function skill.read(id)
  check.argument("clade.skill.read", "id", id, "string")
  return host.request("skill.read", { id = id })
end

return skill
