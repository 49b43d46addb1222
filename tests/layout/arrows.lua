-- Who may include whom, and which folder may include which library.
local files = require "files"

-- The arrows of the design: folder of host/ → the folders of host/ that it may include besides itself.
local everything_below_cli = { "base", "loop", "store", "queue", "mail", "script", "run", "cell", "worker", "model" }
local uses = {
  base = {},
  loop = { "base" },
  store = { "base" },
  queue = { "base", "loop", "store" },
  mail = { "base", "loop", "store" },
  script = { "base", "loop", "store" },
  run = { "base", "loop", "store", "queue", "mail", "script" },
  cell = { "base", "loop", "store", "queue", "mail", "script", "run", "cell/vm" },
  ["cell/vm"] = { "base" },
  worker = { "base", "loop", "store", "queue", "mail", "script", "run" },
  model = { "base", "loop", "store", "queue", "mail", "script", "run" },
  http = everything_below_cli,
  fabric = everything_below_cli,
  cli = { "base", "loop", "store", "queue", "mail", "script", "run", "cell", "cell/vm", "worker", "model" },
}

-- Library headers (Lua patterns on what stands between the brackets) → the folders that may include them.
local libraries = {
  { "^uv%.h$", { "loop" } },
  { "^sqlite3%.h$", { "store" } },
  { "^lua%.h", { "cell/vm" } },
  { "^lualib%.h$", { "cell/vm" } },
  { "^lauxlib%.h$", { "cell/vm" } },
  { "^luajit%.h$", { "cell/vm" } },
  { "^rapidjson/", { "base" } },
  { "^msgpack", { "base", "cell" } },
  { "^sodium", { "base" } },
  { "^yaml%-cpp/", { "script" } },
  { "^seccomp%.h$", { "cell" } },
  { "^linux/landlock%.h$", { "cell" } },
  { "^editline/", { "cli" } },
  { "^histedit%.h$", { "cli" } },
  { "^CLI/", { "cli" } },
  { "^catch2/", {} },
}

-- "host/cell/vm/limits.cpp" → "cell/vm"; a file of host/ itself (main.cpp) → "".
local function folder_of(path)
  local rest = path:match("^host/(.*)$") or path:match("^tests/host/(.*)$")
  return rest and (rest:match("^(.*)/[^/]*$") or "")
end

local function contains(list, wanted)
  for _, item in ipairs(list) do
    if item == wanted then return true end
  end
  return false
end

-- Reports every include of host/ against the arrows, and of host/ and its mirrored tests against the libraries' homes.
return function(root, report)
  local paths = files.below(root, "host")
  for _, path in ipairs(files.below(root, "tests/host")) do paths[#paths + 1] = path end
  for _, path in ipairs(paths) do
    if path:match("%.cpp$") or path:match("%.h$") then
      local folder, test = folder_of(path), path:match("^tests/")
      if folder ~= "" and not uses[folder] then
        report(path, nil, "host/" .. folder .. " is no folder of the design")
        uses[folder] = everything_below_cli
      end
      for number, line in ipairs(files.lines(root, path)) do
        local header = line:match('^%s*#%s*include%s*["<]([^">]+)[">]')
        if header then
          local target = line:match('"') and header:match("^(.*)/[^/]*$")
          if line:match('"') and not target and not test and folder ~= "" then
            report(path, number, "include \"" .. header .. "\" by its path from host/")
          elseif target and not test and folder ~= "" and target ~= folder and not contains(uses[folder], target) then
            report(path, number, folder .. " must not include " .. target .. ": the arrow points the other way")
          end
          for _, library in ipairs(libraries) do
            local catch = test and header:match("^catch2/")
            if header:match(library[1]) and not contains(library[2], folder) and not catch then
              local homes = #library[2] > 0 and table.concat(library[2], " and ") or "tests"
              report(path, number, "<" .. header .. "> belongs in " .. homes)
            end
          end
        end
      end
    end
  end
end
