-- Checks a tree against the layout of the design: luajit tests/layout/check.lua [ROOT]. Prints each violation as
-- path:line: what is wrong, and exits 1 if there is one.
local here = arg[0]:match("^(.*)/[^/]*$") or "."
package.path = here .. "/?.lua"

local root = arg[1] or here .. "/../.."
local count = 0
local function report(path, line, message)
  count = count + 1
  print(path .. (line and ":" .. line or "") .. ": " .. message)
end
for _, name in ipairs { "tree", "arrows", "comments", "promises" } do require(name)(root, report) end
if count > 0 then
  print(count .. (count == 1 and " violation" or " violations") .. " of the layout")
  os.exit(1)
end
