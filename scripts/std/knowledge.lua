-- clade.knowledge: the data below knowledge/.

local host, check = ...

local knowledge = {}

-- A file below knowledge/: YAML as a table, any other as text. Returns nil, message, code if there is none or it is
-- malformed. Grant knowledge.read:<path>. Read.
--   local figures = clade.knowledge.read("packing/published.yaml")
function knowledge.read(path)
  check.argument("clade.knowledge.read", "path", path, "string")
  return host.request("knowledge.read", { path = path })
end

-- The names in a folder below knowledge/, sorted; nil, message, "not_found" if there is no such folder. options: limit
-- (at most 1000, which is the default), after (the last name of the page before). Grant knowledge.read:<folder>. Read.
--   for _, name in ipairs(clade.knowledge.list("packing")) do … end
function knowledge.list(folder, options)
  options = options or {}
  check.argument("clade.knowledge.list", "folder", folder, "string")
  check.fields("clade.knowledge.list", options, { limit = "integer?", after = "string?" }, " of options")
  return host.request("knowledge.list", { folder = folder, limit = options.limit, after = options.after })
end

return knowledge
