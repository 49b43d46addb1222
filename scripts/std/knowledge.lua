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

-- The names in a folder below knowledge/, sorted; nil, message, "not_found" if there is none. Grant
-- knowledge.read:<folder>. Read.
--   for _, name in ipairs(clade.knowledge.list("packing")) do … end
function knowledge.list(folder)
  check.argument("clade.knowledge.list", "folder", folder, "string")
  return host.request("knowledge.list", { folder = folder })
end

return knowledge
