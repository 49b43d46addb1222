-- Does what a document tells its reader to do: luajit readme.lua README.md PATH/OF/clade
--
-- Fenced blocks whose first line names `test` are taken in order, into an empty folder, in one shell:
--   ```sh test           commands; each must succeed (`clade` is the binary that was built)
--   ```lua test PATH     the text of the file PATH (any language)
--   ```text test         lines that the commands of the block before must have printed; … stands for anything
local document, clade = arg[1], arg[2]

local function quoted(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

-- The blocks under test: {language, path, text, line}.
local blocks, block = {}, nil
local number = 0
for line in assert(io.open(document)):lines() do
  number = number + 1
  if block then
    if line:match("^```%s*$") then
      if block.test then blocks[#blocks + 1] = block end
      block = nil
    else
      block.text = block.text .. line .. "\n"
    end
  elseif line:match("^```") then
    local language, rest = line:match("^```(%S*)%s*(.-)%s*$")
    local test, path = rest:match("^(test)%s*(.*)$")
    block = { language = language, test = test ~= nil, path = path, text = "", line = number }
  end
end
assert(#blocks > 0, document .. " shows nothing that could be tested")

local pipe = io.popen("mktemp -d")
local folder = pipe:read("*l")
pipe:close()

-- One script: every block writes what it prints to a file of its own, so that a failure can be told apart.
local script = { "set -eu", "export PATH=" .. quoted(clade:match("^(.*)/")) .. ":$PATH", "unset CDPATH" }
script[#script + 1] = "mkdir " .. quoted(folder .. "/home") .. "; cd " .. quoted(folder .. "/home")
for index, item in ipairs(blocks) do
  local output = quoted(folder .. "/" .. index)
  if item.language == "sh" then
    script[#script + 1] = "echo " .. index .. " >" .. quoted(folder .. "/at")
    script[#script + 1] = "{ :\n" .. item.text .. "} >" .. output .. " 2>&1"
  elseif item.path ~= "" then
    script[#script + 1] = "mkdir -p " .. quoted(item.path:match("^(.*)/") or ".")
    script[#script + 1] = "cat >" .. quoted(item.path) .. " <<'END OF BLOCK'\n" .. item.text .. "END OF BLOCK"
  end
end
local file = assert(io.open(folder .. "/script", "w"))
file:write(table.concat(script, "\n"), "\n")
file:close()

local function read(name)
  local handle = assert(io.open(folder .. "/" .. name))
  local text = handle:read("*a")
  handle:close()
  return text
end

local function finish(message, output)
  -- A host that the document started goes with its folder.
  os.execute("find " .. quoted(folder) .. " -name .clade -type d -printf '%h\\0' | xargs -0 -r -n 1 " ..
             quoted(clade) .. " stop -C >/dev/null 2>&1")
  os.execute("rm -rf " .. quoted(folder))
  if message then
    print(message .. (output and "\n" .. output or ""))
    os.exit(1)
  end
  print(#blocks .. " blocks of " .. document .. " work")
end

if os.execute("bash " .. quoted(folder .. "/script")) ~= 0 then
  local at = tonumber(read("at"))
  finish(document .. ":" .. blocks[at].line .. ": these commands failed:\n" .. blocks[at].text, read(at))
end

-- The lines of a block as one pattern each: … is anything, the rest is literal.
local printed = ""
for index, item in ipairs(blocks) do
  if item.language == "sh" then
    printed = read(index)
  elseif item.path == "" then
    local offset = item.line
    for line in item.text:gmatch("([^\n]*)\n") do
      offset = offset + 1
      local pattern = line:gsub("[%^%$%(%)%%%.%[%]%*%+%-%?]", "%%%0"):gsub("…", ".-")
      if not ("\n" .. printed):find("\n" .. pattern .. "\n") then
        finish(document .. ":" .. offset .. ": was not printed: " .. line, printed)
      end
    end
  end
end
finish()
