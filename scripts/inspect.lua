-- Returns inspect(value, width?) → text: a value as people read it. Strings quoted, tables with their keys in
-- order, on one line if they fit into `width` (100) columns; circles, depth (6) and size (200 entries) are cut
-- with a note.
--
--   inspect({ 1, "two", three = { 3 } })   --> {1, "two", three = {3}}

local type, tostring, format, concat, next = type, tostring, string.format, table.concat, next
local getmetatable = debug.getmetatable

local DEPTH, ENTRIES = 6, 200
local RANK = { number = 1, string = 2, boolean = 3 }

local function quoted(text)
  local escaped = format("%q", text):gsub("\\\n", "\\n"):gsub("\r", "\\r")
  return escaped
end

local function comes_before(left, right)
  local left_type, right_type = type(left), type(right)
  if left_type ~= right_type then return (RANK[left_type] or 4) < (RANK[right_type] or 4) end
  if left_type == "number" or left_type == "string" then return left < right end
  if left_type == "boolean" then return not left and right end
  return false
end

local function keys_after(value, length)
  local keys = {}
  for key in next, value do
    local in_array = type(key) == "number" and key >= 1 and key <= length and key % 1 == 0
    if not in_array then keys[#keys + 1] = key end
  end
  table.sort(keys, comes_before)
  return keys
end

local function key_text(key)
  if type(key) == "string" and key:find("^[%a_][%w_]*$") then return key end
  if type(key) == "string" then return "[" .. quoted(key) .. "]" end
  if type(key) == "number" or type(key) == "boolean" then return "[" .. tostring(key) .. "]" end
  return "[<" .. type(key) .. ">]"
end

local function describe(value, width, indent, ancestors, depth)
  local kind = type(value)
  if kind == "string" then return quoted(value) end
  if kind == "number" or kind == "boolean" or kind == "nil" then return tostring(value) end
  if kind ~= "table" then return "<" .. kind .. ">" end
  if ancestors[value] then return "<circle>" end
  if depth == DEPTH then return next(value) == nil and "{}" or "{…}" end
  ancestors[value] = true
  local parts, inner = {}, indent .. "  "
  local length = #value
  for index = 1, math.min(length, ENTRIES) do
    parts[#parts + 1] = describe(value[index], width, inner, ancestors, depth + 1)
  end
  local keys = keys_after(value, length)
  for index = 1, math.min(#keys, ENTRIES - #parts) do
    local key = keys[index]
    parts[#parts + 1] = key_text(key) .. " = " .. describe(rawget(value, key), width, inner, ancestors, depth + 1)
  end
  local missing = length + #keys - #parts
  if missing > 0 then parts[#parts + 1] = "… " .. missing .. " more" end
  ancestors[value] = nil
  local name = getmetatable(value) and "<with metatable> " or ""
  local line = name .. "{" .. concat(parts, ", ") .. "}"
  if #line + #indent <= width and not line:find("\n", 1, true) then return line end
  return name .. "{\n" .. inner .. concat(parts, ",\n" .. inner) .. "\n" .. indent .. "}"
end

return function(value, width)
  return describe(value, width or 100, "", {}, 0)
end
