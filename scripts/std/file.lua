-- clade.file: files of the swarm.

local host, check = ...

local file = {}

-- Writes a whole file when the run commits. `path` is relative to the swarm's folder; "report/…" is the
-- report's. Returns true. Raises: misuse, a path that leads out or into scripts, no grant file.write:<path>.
-- Outbox.
--   clade.file.write("report/report.md", text)
function file.write(path, text)
  check.argument("clade.file.write", "path", path, "string")
  check.argument("clade.file.write", "text", text, "text")
  return host.put("file.write", { path = path, text = text })
end

return file
