-- clade.process: programs of the machine.

local host, check = ...

local process = {}

local OPTIONS = { cwd = "string?", input = "text?", timeout_ms = "integer?" }

-- Runs a program and waits for its end: { program, argument, …, cwd?, input?, timeout_ms? (60,000) }. No shell.
-- `cwd` is below the swarm's folder, which is the default. Only so many run at once, in all and for an agent; more wait
-- for their turn, and timeout_ms counts from the start. Returns { code, signal, out, error, truncated,
-- timed_out, … }, or nil, message, code; "outcome_unknown" if the host was killed while it ran. Raises: misuse,
-- no grant process.run:<the words joined by blanks>. Await; never repeated by itself.
--   local result = clade.process.run { "git", "log", "-1", timeout_ms = 5000 }
function process.run(command)
  check.argument("clade.process.run", "command", command, "table")
  local arguments, options = {}, {}
  for index, word in ipairs(command) do arguments[index] = word end
  for name, value in next, command do
    if not (type(name) == "number" and arguments[name] ~= nil) then options[name] = value end
  end
  if #arguments == 0 then check.fail("clade.process.run", "the program's name is missing: { \"git\", \"status\" }") end
  check.argument("clade.process.run", "command", arguments, "strings")
  check.fields("clade.process.run", options, OPTIONS)
  options.arguments = arguments
  return host.request("process.run", options)
end

return process
