-- Runs spec files with plain LuaJIT, for quick work (tests_vm runs them in the sandbox of the cells):
--   build/luajit/bin/luajit tests/support/run_spec.lua FILE...     from the repository's folder
-- Exit status 1 if a case failed.

local function read_source(path)
  local file, problem = io.open(path, "rb")
  if not file then return nil, problem end
  local text = file:read("*a")
  file:close()
  return text
end

local run = assert(loadfile("tests/support/spec.lua"))()
local failed, total = 0, 0
for _, path in ipairs(arg) do
  for _, case in ipairs(run(read_source, path)) do
    total = total + 1
    if not case.ok then
      failed = failed + 1
      print("FAILED  " .. path .. ": " .. case.name .. "\n        " .. case.message:gsub("\n", "\n        "))
    end
  end
end
print(string.format("%d cases, %d failed", total, failed))
os.exit(failed == 0 and total > 0 and 0 or 1)
