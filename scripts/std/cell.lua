-- clade.cell: other Lua, evaluated in a process of its own with nothing to reach.

local host, check = ...

local cell = {}

local MODULE = { source = "text", chunk = "string?", modules = "table?" }

-- Evaluates a chunk. Fields:
--   source, chunk     its text and its name in tracebacks
--   entry, args       if given, the function `entry` of the table that the chunk returns is called with the list `args`;
--                     the entry "..." asks for a list of all values that the chunk returns instead of the first one
--   modules           what its `require` finds: id → { source, chunk }
--   subject           { source, chunk, modules }: a second VM that the chunk calls with subject.call(name, ...)
--   cpu_ms, wall_ms, memory_mb    limits (1,000, 10,000 and 64); past a soft one it dies with a traceback
-- In the chunk: plain Lua, `require`, count(n) (adds n to the units charged), `subject`.
-- Returns { ok = true, value, units, cpu_us, wall_us, memory_kb, cell } or { ok = false, error, code, units, … } with
-- the codes "syntax", "error", "cpu", "wall", "memory", "killed"; `cell` numbers the process, which no other
-- evaluation of this host gets. Grant cell.eval. Await; repeated after a crash.
--   local result = clade.cell.eval { source = "return { double = function(n) return 2 * n end }", entry = "double",
--                                    args = { 21 } }
--   -- result.value == 42
function cell.eval(request)
  check.fields("clade.cell.eval", request, {
    source = "text", chunk = "string?", entry = "string?", args = "list?", cpu_ms = "integer?", wall_ms = "integer?",
    memory_mb = "integer?", modules = "table?", subject = "table?",
  })
  if request.subject then check.fields("clade.cell.eval", request.subject, MODULE, " of subject") end
  return host.request("cell.eval", request)
end

return cell
