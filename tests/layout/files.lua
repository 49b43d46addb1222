-- Reading a tree: which files it has, their lines, the paragraphs around a line. For the checks of tests/layout.
local files = {}

-- A path as one word of a shell command.
local function quoted(path) return "'" .. path:gsub("'", "'\\''") .. "'" end

-- Paths of the regular files below `root`/`folder`, relative to `root`, sorted. A folder that is not there has none.
function files.below(root, folder)
  local found = {}
  local find = "find " .. quoted(folder) .. " -type f 2>/dev/null | LC_ALL=C sort"
  local pipe = io.popen("cd " .. quoted(root) .. " && " .. find)
  for path in pipe:lines() do found[#found + 1] = path end
  pipe:close()
  return found
end

-- Names of the entries of `root` itself, folders with a trailing slash, sorted.
function files.top(root)
  local found = {}
  local pipe = io.popen("cd " .. quoted(root) .. " && ls -A1p")
  for name in pipe:lines() do found[#found + 1] = name end
  pipe:close()
  return found
end

-- The lines of a file, without their ends.
function files.lines(root, path)
  local lines = {}
  for line in assert(io.open(root .. "/" .. path)):lines() do lines[#lines + 1] = line end
  return lines
end

-- A set of paths.
function files.set(paths)
  local set = {}
  for _, path in ipairs(paths) do set[path] = true end
  return set
end

return files
