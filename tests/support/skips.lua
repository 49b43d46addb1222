-- Says which tests did not run, and fails unless each is allowed to: luajit skips.lua TESTS.XML ALLOWED TESTS
--   TESTS.XML  what `ctest --output-junit` wrote
--   ALLOWED    lines "name | reason"; # starts a comment
--   TESTS      the folder of sources, looked through for tests that a Catch2 tag hides or forgives
local results, allowed_path, sources = arg[1], arg[2], arg[3]

local entities = { lt = "<", gt = ">", quot = '"', apos = "'", amp = "&" }
local function unescape(text)
  return (text:gsub("&(%a+);", entities):gsub("&#(%d+);", function(code) return string.char(tonumber(code)) end))
end

local failed = false
local function complain(...)
  failed = true
  print(string.format(...))
end

local reasons = {}
local number = 0
for line in assert(io.open(allowed_path)):lines() do
  number = number + 1
  if line:match("%S") and not line:match("^#") then
    local name, reason = line:match("^(.-)%s*|%s*(%S.*)$")
    if name then reasons[name] = reason
    else complain("%s:%d: write name | reason", allowed_path, number) end
  end
end

-- A test that did not run: said if it may, an error if not.
local function skipped(name, why)
  if reasons[name] then print("skipped: " .. name .. " (" .. reasons[name] .. ")")
  else complain("%s was %s, and .ci/allowed-skips does not list it", name, why) end
end

local xml = assert(io.open(results)):read("*a")
local count = 0
for attributes, rest in xml:gmatch("<testcase%s+(.-)>(.-)</testcase>") do
  count = count + 1
  local name = unescape(attributes:match('name="(.-)"'))
  local status = attributes:match('status="(.-)"')
  if status ~= "run" and status ~= "fail" then skipped(name, status == "disabled" and "disabled" or "skipped") end
  if rest:find("<skipped", 1, true) and status == "run" then skipped(name, "skipped") end
end
if count == 0 then complain("%s tells of no test", results) end

-- [.] and [!hide] keep a test from running, [!mayfail] and [!shouldfail] from failing.
local pipe = io.popen("grep -rnE 'TEST_CASE.*\\[(\\.|!hide|!mayfail|!shouldfail)' --include=*.cpp '" .. sources .. "'")
for line in pipe:lines() do
  local place, name = line:match('^(.-:%d+):.-TEST_CASE[%w_]*%s*%(%s*"(.-)"')
  skipped(name or line, "hidden by a tag at " .. (place or "?"))
end
pipe:close()
os.exit(failed and 1 or 0)
