-- The parameter block of a source: the lines between
--   -- parameters: begin
--   -- parameters: end
-- It is the part that a search may rewrite; all the rest of the source stays as it is.

local BEGIN, END = "-- parameters: begin", "-- parameters: end"

local parameters = { api = 1 }

-- The place of the one line that is `marker`: its first byte and that after its newline. Nil and a message otherwise.
local function find_line(source, marker)
  local text, found = "\n" .. source, nil
  local at = 1
  while true do
    local first, last = text:find("\n" .. marker .. "\n", at, true)
    if not first then break end
    if found then return nil, "the line \"" .. marker .. "\" stands there twice" end
    found = { first, last }
    at = last
  end
  if not found then return nil, "there is no line \"" .. marker .. "\"" end
  return found[1], found[2]
end

-- The text before the block (its marker line included), the block, and the text from the end's marker line on; or nil
-- and a message.
function parameters.split(source)
  local begin_at, after_begin = find_line(source, BEGIN)
  if not begin_at then return nil, after_begin end
  local end_at, problem = find_line(source, END)
  if not end_at then return nil, problem end
  if end_at < after_begin - 1 then return nil, "the block ends before it begins" end
  return source:sub(1, after_begin - 1), source:sub(after_begin, end_at - 1), source:sub(end_at)
end

-- The source with another block, a text of whole lines; or nil and a message.
function parameters.replace(source, block)
  local before, problem, after = parameters.split(source)
  if not before then return nil, problem end
  return before .. block .. after
end

-- A block that sets a local table of numbers from a list: element 1 gets the key `first`. The same list always gives
-- the same text.
function parameters.table_block(name, list, first)
  local lines, line = {}, "  "
  for index, value in ipairs(list) do
    local item = string.format("%.14g,", value)
    if index == 1 and first ~= 1 then item = string.format("[%d] = %s", first, item) end
    if #line + #item + 1 > 100 then
      lines[#lines + 1] = line
      line = "  "
    end
    line = line .. (line == "  " and "" or " ") .. item
  end
  lines[#lines + 1] = line
  return "local " .. name .. " = {\n" .. table.concat(lines, "\n") .. "\n}\n"
end

return parameters
