-- Reviews the source of a skill by reading its text; the source is never run. It understands strings and comments, so a
-- forbidden name in them is no finding. What it lets pass is not therefore safe: the sandbox keeps scripts in,
-- the review keeps out what a skill has no business with.

local parameters = require("meta.parameters")

local lint = { api = 1 }

local MOST_BYTES = 65536
local MOST_DIFF_LINES = 40

-- Names that others provide. As a name of the source's own (a local, a parameter) each is as good as any.
local OTHERS = {
  clade = "a skill gets its data from its caller", host = "a skill does not reach the host",
  subject = "that is the judge's", count = "units are counted by the judge and by searches",
  print = "return what is to be said", module = "return a table",
}
-- Global names that a skill has no use for, and why. Not even as names of its own: nobody should have to look twice.
local FORBIDDEN = {
  _G = "globals are not to be reached by name", getfenv = "environments are closed", setfenv = "environments are closed",
  load = "no code from text", loadstring = "no code from text", loadfile = "no code from files",
  dofile = "no code from files", package = "use require with an id of `uses`",
  debug = "not part of the language of skills", ffi = "not part of the language of skills",
  jit = "not part of the language of skills", io = "skills have no files", os = "skills have no system",
  newproxy = "not part of the language of skills", getmetatable = "metatables of others stay closed",
  rawset = "tables of others stay as they are", collectgarbage = "memory is the host's", coroutine = "a skill does not yield",
}
local LIBRARIES = { string = true, table = true, math = true, bit = true }
local FORBIDDEN_FIELDS = {
  ["string.dump"] = "no code from text", ["math.random"] = "use science.random, which repeats itself",
  ["math.randomseed"] = "use science.random, which repeats itself",
}
local KEYWORDS = {}
for word in ("and break do else elseif end false for function goto if in local nil not or repeat return then true until while")
  :gmatch("%a+") do
  KEYWORDS[word] = true
end

-- The end of a long bracket that opens at `at`, or nil if none opens there; false if it is not closed.
local function long_bracket(source, at)
  local equals = source:match("^%[(=*)%[", at)
  if not equals then return nil end
  local _, last = source:find("]" .. equals .. "]", at, true)
  return last or false
end

local function quoted(source, at)
  local quote, place = source:sub(at, at), at + 1
  while place <= #source do
    local char = source:sub(place, place)
    if char == "\\" then
      place = place + 2
    elseif char == "\n" then
      return false
    elseif char == quote then
      return place
    else
      place = place + 1
    end
  end
  return false
end

-- The last byte and the kind of what begins at `at`: "comment", "string", "name", "number", "symbol"; false for
-- something that does not end.
local function lexeme(source, at)
  local char = source:sub(at, at)
  if source:sub(at, at + 1) == "--" then
    local long = long_bracket(source, at + 2)
    if long ~= nil then return long, "comment" end
    return (source:find("\n", at, true) or #source + 1) - 1, "comment"
  end
  if char == "\"" or char == "'" then return quoted(source, at), "string" end
  if char == "[" then
    local long = long_bracket(source, at)
    if long ~= nil then return long, "string" end
  end
  local _, last = source:find("^[%a_][%w_]*", at)
  if last then return last, "name" end
  if char:find("%d") or source:find("^%.%d", at) then
    _, last = source:find("^0[xX][%x%.]*[uUlLiI]*", at)
    if not last then _, last = source:find("^[%d%.]+[eE]?[+-]?%d*[uUlLiI]*", at) end
    -- "1-2": the sign belongs to the number only after an exponent.
    local text = source:sub(at, last)
    if not text:find("[xXeE]") then last = at + #text:match("^[%d%.]+[uUlLiI]*") - 1 end
    return last, "number"
  end
  for _, symbol in ipairs({ "...", "..", "==", "~=", "<=", ">=", "::" }) do
    if source:sub(at, at + #symbol - 1) == symbol then return at + #symbol - 1, "symbol" end
  end
  return at, "symbol"
end

-- The tokens of a source: { kind, text, line }. Comments are left out. Nil, message and line if something does not end.
function lint.tokens(source)
  local tokens, at, line = {}, 1, 1
  while true do
    local skipped_from = at
    at = source:find("%S", at)
    local _, breaks = source:sub(skipped_from, (at or #source + 1) - 1):gsub("\n", "")
    line = line + breaks
    if not at then return tokens end
    local last, kind = lexeme(source, at)
    if not last then return nil, "a " .. kind .. " that does not end", line end
    local text = source:sub(at, last)
    if kind == "name" and KEYWORDS[text] then kind = "keyword" end
    if kind ~= "comment" then tokens[#tokens + 1] = { kind = kind, text = text, line = line } end
    local _, inside = text:gsub("\n", "")
    line = line + inside
    at = last + 1
  end
end

local NOTHING = { kind = "end", text = "", line = 0 }

-- Whether the token at `index` is a name by itself: no field, no method, no key of a table constructor.
local function is_variable(tokens, index)
  local before, after = tokens[index - 1] or NOTHING, tokens[index + 1] or NOTHING
  if before.text == "." or before.text == ":" then return false end
  return not (after.text == "=" and (before.text == "{" or before.text == ","  or before.text == ";"))
end

-- The id that a `require` at `index` asks for, or nil if it is no plain text.
local function required_id(tokens, index)
  local place = (tokens[index + 1] or NOTHING).text == "(" and index + 2 or index + 1
  local text = tokens[place]
  if not text or text.kind ~= "string" then return nil end
  if place == index + 2 and (tokens[place + 1] or NOTHING).text ~= ")" then return nil end
  return text.text:match("^[\"'](.*)[\"']$")
end

-- The names that a source declares somewhere: locals, parameters, variables of loops.
local function declared_names(tokens)
  local names, index = {}, 1
  while index <= #tokens do
    local word = tokens[index].text
    local listing = tokens[index].kind == "keyword" and (word == "local" or word == "for" or word == "function")
    index = index + 1
    if listing and word == "function" then
      while tokens[index] and tokens[index].text ~= "(" do index = index + 1 end
      index = index + 1
    end
    while listing and tokens[index] and (tokens[index].kind == "name" or tokens[index].text == ",") do
      names[tokens[index].text] = true
      index = index + 1
    end
  end
  return names
end

local function review_name(tokens, index, uses, declared, report)
  local token = tokens[index]
  local function at(offset) return tokens[index + offset] or NOTHING end
  if not is_variable(tokens, index) then return end
  local reason = FORBIDDEN[token.text] or (not declared[token.text] and OTHERS[token.text])
  if reason then
    report(token.line, "`" .. token.text .. "` is not allowed: " .. reason)
  elseif token.text == "require" then
    local id = required_id(tokens, index)
    if not id then
      report(token.line, "`require` needs a plain text: require(\"layer.name\")")
    elseif not uses[id] then
      report(token.line, "the module \"" .. id .. "\" is not in `uses` of skill.yaml")
    end
  elseif token.text == "setmetatable" and at(1).text == "(" and at(2).kind == "string" then
    report(token.line, "the metatable of texts belongs to everybody")
  elseif LIBRARIES[token.text] then
    local field = at(1).text == "." and token.text .. "." .. at(2).text
    if field and FORBIDDEN_FIELDS[field] then
      report(token.line, "`" .. field .. "` is not allowed: " .. FORBIDDEN_FIELDS[field])
    elseif (field and at(3).text == "=") or (at(1).text == "[" ) or at(1).text == "=" then
      report(token.line, "`" .. token.text .. "` belongs to everybody: use its functions, change nothing in it")
    end
  end
end

-- A parameter block is plain data: local tables and numbers, nothing that runs.
local function review_block(block, first_line, report)
  local tokens, problem, line = lint.tokens(block)
  if not tokens then return report(first_line + line, problem) end
  local plain = { ["="] = true, ["{"] = true, ["}"] = true, ["["] = true, ["]"] = true, [","] = true, ["-"] = true }
  for index, token in ipairs(tokens) do
    local named = token.kind == "name" and (tokens[index + 1] or NOTHING).text == "="
    local data = token.kind == "number" or (token.kind == "symbol" and plain[token.text])
    local word = token.text == "local" or token.text == "true" or token.text == "false"
    if not (named or data or word) then
      return report(first_line + token.line, "the parameter block holds only data, not `" .. token.text .. "`")
    end
  end
end

local function lines_of(text)
  local lines = {}
  for line in text:gmatch("([^\n]*)\n?") do lines[#lines + 1] = line end
  if lines[#lines] == "" then lines[#lines] = nil end
  return lines
end

-- What differs between two texts, as one hunk: { added, removed, text } with the numbers of lines. The text is cut short
-- after 40 lines.
function lint.diff(before, after)
  local old, new = lines_of(before), lines_of(after)
  local first = 1
  while first <= #old and first <= #new and old[first] == new[first] do first = first + 1 end
  local old_last, new_last = #old, #new
  while old_last >= first and new_last >= first and old[old_last] == new[new_last] do
    old_last, new_last = old_last - 1, new_last - 1
  end
  local removed, added = old_last - first + 1, new_last - first + 1
  if removed == 0 and added == 0 then return { added = 0, removed = 0, text = "" } end
  local shown = { string.format("@@ -%d,%d +%d,%d @@", first, removed, first, added) }
  for line = first, old_last do shown[#shown + 1] = "-" .. old[line] end
  for line = first, new_last do shown[#shown + 1] = "+" .. new[line] end
  local more = #shown - 1 - MOST_DIFF_LINES
  if more > 0 then
    for _ = 1, more do shown[#shown] = nil end
    shown[#shown + 1] = "… and " .. more .. " lines more"
  end
  return { added = added, removed = removed, text = table.concat(shown, "\n") .. "\n" }
end

-- Reviews a source. rules, all optional:
--   max_bytes         of the whole source (default 65,536)
--   uses              a list of the ids it may require
--   parent            the source it replaces: gives `diff`
--   only_parameters   true: nothing but the parent's parameter block may differ, and the block is plain data
-- Returns { ok, problems = { {line, message}, … }, bytes, diff }.
function lint.review(source, rules)
  local problems = {}
  local function report(line, message) problems[#problems + 1] = { line = line, message = message } end
  local most = rules.max_bytes or MOST_BYTES
  if #source > most then report(1, "it has " .. #source .. " bytes, " .. most .. " are allowed") end
  local tokens, problem, line = lint.tokens(source)
  if tokens then
    local uses, declared = {}, declared_names(tokens)
    for _, id in ipairs(rules.uses or {}) do uses[id] = true end
    for index, token in ipairs(tokens) do
      if token.kind == "name" then review_name(tokens, index, uses, declared, report) end
    end
  else
    report(line, problem)
  end
  if rules.only_parameters then
    local before, block, after = parameters.split(source)
    local parent_before, parent_block, parent_after = parameters.split(rules.parent)
    if not before or not parent_before then
      report(1, "the parameter block: " .. (before and parent_block or block))
    else
      if before ~= parent_before or after ~= parent_after then
        report(1, "only the parameter block may change, but the source around it differs from the parent's")
      end
      review_block(block, #lines_of(before), report)
    end
  end
  return {
    ok = #problems == 0, problems = problems, bytes = #source,
    diff = rules.parent and lint.diff(rules.parent, source) or nil,
  }
end

return lint
