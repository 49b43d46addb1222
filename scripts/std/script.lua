-- clade.script: versions of scripts.

local host, check = ...

local script = {}

-- Makes a source text the current version of a script when the run commits: file, store and running agents.
-- Fields: name ("skill:<id>"), source, lineage (plain data: where it comes from). Returns the version's hash,
-- or nil, message, code ("does_not_load": it does not compile, or its selftest or that of an agent that uses it fails).
-- Raises: misuse, no grant script.publish:<name>, a task that no accepted proposal set off. Outbox.
--   local hash = clade.script.publish { name = "skill:optimize.bin_packing", source = source, lineage = { task = task.id } }
function script.publish(version)
  check.fields("clade.script.publish", version, { name = "string", source = "string", lineage = "table?" })
  return host.request("script.publish", version)
end

-- The newest 1000 versions of a script, as a list of { hash, parent, origin, lineage, … }. Grant skill.read:<id>. Read.
--   #clade.script.lineage("skill:optimize.bin_packing")
function script.lineage(name)
  check.argument("clade.script.lineage", "name", name, "string")
  return host.request("script.lineage", { name = name })
end

return script
