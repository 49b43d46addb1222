-- clade.data: what an agent keeps beside its state, by key. Each instance has its own, which no other agent sees; no
-- grant. A run sees what is committed and what it changed itself; the changes are committed with the run. What the host
-- takes: 1 MB in a value, 64 MB and 10,000 keys in all, keys of 256 bytes; more raises.

local host, check = ...

local data = {}

-- The value of a key, or nil, message, "not_found". Read.
--   local page = clade.data.get("page/" .. url) or fetch(url)
function data.get(key)
  check.argument("clade.data.get", "key", key, "string")
  return host.request("data.get", { key = key })
end

-- Sets a key to a value: plain data, not nil. Returns true. Outbox.
--   clade.data.set("page/" .. url, { text = text, seen = clade.now() })
function data.set(key, value)
  check.argument("clade.data.set", "key", key, "string")
  check.argument("clade.data.set", "value", value, "any")
  return host.put("data.set", { key = key, value = value })
end

-- Deletes a key. Returns whether there was one. Outbox.
function data.delete(key)
  check.argument("clade.data.delete", "key", key, "string")
  return host.put("data.delete", { key = key })
end

-- Keys in order, those that begin with `prefix` and come after `after`, at most `limit` (at most 1000). The next page
-- begins after the last key of this one. Read.
--   local keys = clade.data.keys { prefix = "page/", limit = 100 }
--   local more = clade.data.keys { prefix = "page/", limit = 100, after = keys[#keys] }
function data.keys(filter)
  filter = filter or {}
  check.fields("clade.data.keys", filter, { prefix = "text?", after = "text?", limit = "integer?" })
  return host.request("data.keys", filter)
end

return data
