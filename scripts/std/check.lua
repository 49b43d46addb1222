-- The argument checks of scripts/std. Each function is called directly by a function that scripts call, and
-- raises at the line of the script: "clade.queue.add: field `type` must be a string, not a number".

local check = {}

local function described(value)
  local kind = type(value)
  if kind == "nil" then return "nil" end
  if kind == "table" or kind == "string" or kind == "number" or kind == "boolean" then return "a " .. kind end
  return "a " .. kind .. " (only plain data can be sent)"
end

-- Whether a value is of a kind: "string" (not empty), "text" (any string), "number", "integer", "boolean",
-- "table", "list" (keys 1 … n), "strings" (a list of strings), "function", "any".
local function is_list(value)
  if type(value) ~= "table" then return false end
  local count, length = 0, #value
  for key in next, value do
    -- With gaps the length is any of several.
    if type(key) ~= "number" or key < 1 or key > length or key % 1 ~= 0 then return false end
    count = count + 1
  end
  return count == length
end

local holds = {
  string = function(value) return type(value) == "string" and value ~= "" end,
  text = function(value) return type(value) == "string" end,
  number = function(value) return type(value) == "number" and value == value end,
  integer = function(value) return type(value) == "number" and value % 1 == 0 end,
  boolean = function(value) return type(value) == "boolean" end,
  table = function(value) return type(value) == "table" end,
  list = is_list,
  strings = function(value)
    if not is_list(value) then return false end
    for _, item in ipairs(value) do
      if type(item) ~= "string" then return false end
    end
    return true
  end,
  ["function"] = function(value) return type(value) == "function" end,
  any = function(value) return value ~= nil end,
}

local words = {
  string = "a string that is not empty", text = "a string", number = "a number", integer = "an integer",
  boolean = "true or false", table = "a table", list = "a list", strings = "a list of strings",
  ["function"] = "a function", any = "given",
}

-- A plain argument: check.argument("clade.queue.get", "id", id, "string"). A kind that ends in "?" may be nil.
function check.argument(function_name, name, value, kind)
  local base, optional = kind:match("^(%a+)(%??)$")
  if value == nil and optional == "?" then return end
  if not holds[base](value) then
    error(function_name .. ": argument `" .. name .. "` must be " .. words[base] .. ", not " .. described(value), 3)
  end
end

-- A plain argument that is a list of functions.
function check.functions(function_name, list)
  if not is_list(list) then
    error(function_name .. ": argument `functions` must be a list, not " .. described(list), 3)
  end
  for index, fn in ipairs(list) do
    if type(fn) ~= "function" then error(function_name .. ": element " .. index .. " is no function", 3) end
  end
end

-- A table argument: every field is of its kind, and there are no others. `place` is "" or says which table ("[2]").
function check.fields(function_name, value, kinds, place)
  place = place or ""
  if type(value) ~= "table" then
    error(function_name .. ": a table of fields is needed" .. place .. ", not " .. described(value), 3)
  end
  for name in next, value do
    if not kinds[name] then
      local known = {}
      for other in next, kinds do known[#known + 1] = other end
      table.sort(known)
      error(function_name .. ": there is no field `" .. tostring(name) .. "`" .. place .. ": known are " ..
        table.concat(known, ", "), 3)
    end
  end
  for name, kind in next, kinds do
    local base, optional = kind:match("^(%a+)(%??)$")
    local item = value[name]
    if not (item == nil and optional == "?") and not holds[base](item) then
      error(function_name .. ": field `" .. name .. "`" .. place .. " must be " .. words[base] .. ", not " ..
        described(item), 3)
    end
  end
end

-- Raises a check of the caller's own.
function check.fail(function_name, text)
  error(function_name .. ": " .. text, 3)
end

return check
