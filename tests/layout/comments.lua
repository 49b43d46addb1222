-- Every public function says what it does: in the headers of host/ and in scripts/std. A comment counts for the whole
-- group below it, that is for the lines up to the next empty one.
local files = require "files"

-- Splits a line of C++ into its code and whether it has a comment. Strings become empty. `inside`: within a /* comment.
local function strip(line, inside)
  local code, commented, at = {}, inside, 1
  while at <= #line do
    if inside then
      local _, finish = line:find("*/", at, true)
      if not finish then return table.concat(code), true, true end
      inside, at = false, finish + 1
    else
      local two, one = line:sub(at, at + 1), line:sub(at, at)
      if two == "//" then return table.concat(code), true, false end
      if two == "/*" then
        inside, commented, at = true, true, at + 2
      elseif one == '"' or (one == "'" and not line:sub(at - 1, at - 1):match("%w")) then
        local finish = at + 1
        while finish <= #line and line:sub(finish, finish) ~= one do
          if line:sub(finish, finish) == "\\" then finish = finish + 1 end
          finish = finish + 1
        end
        code[#code + 1], at = one .. one, finish + 1
      else
        code[#code + 1], at = one, at + 1
      end
    end
  end
  return table.concat(code), commented, inside
end

-- Whether a declaration's group has a comment above it, or beside it. The group ends upwards at an empty line or where
-- the enclosing scope opens. `first` and `last`: lines of the declaration.
local function explained(lines, codes, commented, first, last)
  for number = first, last do
    if commented[number] then return true end
  end
  for number = first - 1, 1, -1 do
    local line = lines[number]
    if line:match("^%s*$") or line:match("^%s*[%w]+:%s*$") then return false end
    if commented[number] then return true end
    if codes[number]:match("{%s*$") then return false end
  end
  return false
end

-- What a declaration's text declares: the name of a function that must be explained, or nil.
local function function_to_explain(text, class)
  text = text:gsub("%b<>", ""):gsub("%[%[.-%]%]", ""):gsub("^%s+", "")
  text = text:gsub("^template%s*", ""):gsub("^requires%s*%b()", "")
  local first = text:match("^[%a_]+")
  if first == "using" or first == "typedef" or first == "static_assert" or first == "friend" then return nil end
  -- What its base already explained, what the compiler writes, and what speaks for itself.
  if text:match("%f[%w]override%f[%W]") or text:match("=%s*default") or text:match("=%s*delete") then return nil end
  if text:match("%f[%w]operator%f[%W]") then return nil end
  local head = text:match("^(.-)%(")
  if not head or head:match("=") then return nil end
  local name = head:match("([%w_~:]+)%s*$")
  if not name or name:match("^~") or name == class then return nil end
  if text:match("%(%s*%)%s*const%s*$") and not text:match("^Result") and not text:match("^Status") then return nil end
  -- A name alone is a macro call; a type stands before a function's.
  if not head:match("[%w_>&*%s:]+[%s&*>][%w_~:]+%s*$") then return nil end
  return name
end

local access = { public = true, private = false, protected = false }

-- Walks a header: calls visit(name, first line, last line) for each function declared in a namespace or the public part
-- of a class. Bodies, private parts and enumerations are passed over.
local function walk(codes, visit)
  local scopes, text, first, parentheses = { { kind = "namespace" } }, "", nil, 0
  local function scope() return scopes[#scopes] end
  local function finish(number, inline)
    local here = scope()
    if here.kind == "namespace" or (here.kind == "class" and here.public) then
      local name = function_to_explain(text, here.name)
      -- A body of one line in the header is its own explanation.
      if name and not (inline and first == number) then visit(name, first, number) end
    end
    text, first = "", nil
  end
  for number, code in ipairs(codes) do
    if not code:match("^%s*#") then
      for at = 1, #code do
        local char = code:sub(at, at)
        local here = scope()
        if char == "(" then parentheses = parentheses + 1 end
        if char == ")" then parentheses = parentheses - 1 end
        if char == "{" and parentheses == 0 then
          local class = text:match("%f[%w]class%s+([%w_]+)") or text:match("%f[%w]struct%s+([%w_]+)")
          if here.kind == "body" then
            scopes[#scopes + 1] = { kind = "body" }
          elseif text:match("%f[%w]namespace%f[%W]") or text:match("^%s*extern%s*\"\"%s*$") then
            scopes[#scopes + 1] = { kind = "namespace" }
            text, first = "", nil
          elseif text:match("%f[%w]struct%s+[%w_]+::") then
            scopes[#scopes + 1] = { kind = "class", public = false }  -- the inside of a class
            text, first = "", nil
          elseif class and not text:match("%(") and not text:match("%f[%w]enum%f[%W]") then
            scopes[#scopes + 1] = { kind = "class", name = class, public = text:match("%f[%w]struct%f[%W]") ~= nil }
            text, first = "", nil
          else
            scopes[#scopes + 1] = { kind = "body", of = text:match("%(") and "function" or "value" }
          end
        elseif char == "}" and parentheses == 0 then
          local left = table.remove(scopes)
          if left.of == "function" then finish(number, true) end
        elseif char == ";" and parentheses == 0 and here.kind ~= "body" then
          finish(number, false)
        elseif char == ":" and here.kind == "class" and access[text:match("^%s*(%a+)%s*$")] ~= nil then
          here.public = access[text:match("%a+")]
          text, first = "", nil
        elseif here.kind ~= "body" then
          if not first and char:match("%S") then first = number end
          text = text .. char
        end
      end
      text = text .. " "
    end
  end
end

local function check_header(root, path, report)
  local lines, codes, commented, inside = files.lines(root, path), {}, {}, false
  for number, line in ipairs(lines) do codes[number], commented[number], inside = strip(line, inside) end
  local told = {}  -- names: overloads share a comment
  walk(codes, function(name, first, last)
    if explained(lines, codes, commented, first, last) then
      told[name] = true
    elseif not told[name] then
      report(path, first, name .. "() has no comment: say what it takes, returns and fails with")
    end
  end)
end

-- In scripts/std: functions that are fields of a module's table. Local functions are nobody else's.
local function check_script(root, path, report)
  local lines = files.lines(root, path)
  for number, line in ipairs(lines) do
    local name = line:match("^function%s+([%w_]+[.:][%w_.:]+)%s*%(") or
                 line:match("^([%w_]+%.[%w_.]+)%s*=%s*function%s*%(")
    if name and not (lines[number - 1] or ""):match("^%-%-") then
      report(path, number, name .. "() has no comment: say what it takes, returns and fails with")
    end
  end
end

return function(root, report)
  for _, path in ipairs(files.below(root, "host")) do
    if path:match("%.h$") then check_header(root, path, report) end
  end
  for _, path in ipairs(files.below(root, "scripts/std")) do
    if path:match("%.lua$") then check_script(root, path, report) end
  end
end
