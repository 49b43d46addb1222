-- Charts as SVG 1.1 text: valid XML, with a title and a description for readers that do not see it.

local plot = { api = 1 }

local WIDTH = 720
local FONT = "font-family=\"sans-serif\" font-size=\"13\""
local COLOURS = { "#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951", "#9c6b4e" }

-- Text as XML content or attribute; control characters are not allowed in XML and become blanks.
function plot.escape(text)
  text = tostring(text):gsub("[%z\1-\31\127]", " ")
  return (text:gsub("[&<>\"']", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ["\""] = "&quot;", ["'"] = "&apos;" }))
end

local escape = plot.escape

local function check_number(name, value)
  if type(value) ~= "number" or value ~= value or math.abs(value) == math.huge then
    error("plot." .. name .. ": " .. tostring(value) .. " is no finite number", 3)
  end
end

-- A length with at most two decimals.
local function length(value)
  return (string.format("%.2f", value):gsub("%.?0+$", ""))
end

-- A value as people read it.
local function shown(value)
  return (string.format("%.4g", value))
end

-- The largest round number (1, 2 or 5 times a power of ten) that gives at least three steps up to `most`.
local function round_step(most)
  if most <= 0 then return 1 end
  local power = 10 ^ math.floor(math.log10(most))
  for _, factor in ipairs({ 5, 2, 1, 0.5, 0.2, 0.1 }) do
    if most / (factor * power) >= 3 then return factor * power end
  end
  return power / 10
end

local function document(height, title, description, parts)
  return table.concat({
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
    string.format("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" role=\"img\" " ..
      "aria-labelledby=\"title description\" %s>", WIDTH, height, WIDTH, height, FONT),
    "<title id=\"title\">" .. escape(title) .. "</title>",
    "<desc id=\"description\">" .. escape(description) .. "</desc>",
    "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>",
    "<text x=\"20\" y=\"28\" font-size=\"16\" font-weight=\"bold\">" .. escape(title) .. "</text>",
    table.concat(parts, "\n"),
    "</svg>",
    "",
  }, "\n")
end

-- Horizontal bars. chart: title, unit (text after each value), bars = { {label, value from 0, note?}, … }.
-- Raises for an empty chart and values that are no numbers from 0.
function plot.bars(chart)
  if #chart.bars == 0 then error("plot.bars: no bars", 2) end
  local unit, most = chart.unit or "", 0
  for _, bar in ipairs(chart.bars) do
    check_number("bars", bar.value)
    if bar.value < 0 then error("plot.bars: " .. bar.value .. " is below 0", 2) end
    most = math.max(most, bar.value)
  end
  local left, top, row, span = 230, 50, 34, WIDTH - 230 - 130
  local parts, told = {}, {}
  for index, bar in ipairs(chart.bars) do
    local y = top + (index - 1) * row
    local width = most > 0 and bar.value / most * span or 0
    local value = shown(bar.value) .. unit .. (bar.note and " " .. bar.note or "")
    parts[#parts + 1] = string.format("<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>", left - 10, y + 18,
      escape(bar.label))
    parts[#parts + 1] = string.format("<rect x=\"%d\" y=\"%d\" width=\"%s\" height=\"24\" fill=\"%s\"/>", left, y,
      length(width), COLOURS[(index - 1) % #COLOURS + 1])
    parts[#parts + 1] = string.format("<text x=\"%s\" y=\"%d\">%s</text>", length(left + width + 6), y + 18, escape(value))
    told[index] = bar.label .. ": " .. value
  end
  return document(top + #chart.bars * row + 16, chart.title, table.concat(told, "; "), parts)
end

-- Lines over a common x axis from 0 or the smallest x. chart: title, x_label, y_label, lines = { {label, points = {{x,
-- y}, …}}, … }, y from 0. Raises for lines without points and values that are no numbers.
function plot.lines(chart)
  local low, high, most = math.huge, -math.huge, 0
  for _, line in ipairs(chart.lines) do
    if #line.points == 0 then error("plot.lines: the line " .. tostring(line.label) .. " has no points", 2) end
    for _, point in ipairs(line.points) do
      check_number("lines", point[1])
      check_number("lines", point[2])
      low, high, most = math.min(low, point[1]), math.max(high, point[1]), math.max(most, point[2])
    end
  end
  if #chart.lines == 0 then error("plot.lines: no lines", 2) end
  local left, top, width, height = 70, 50, WIDTH - 70 - 170, 260
  local x_step, y_step = round_step(high - low), round_step(most)
  local function x_of(x) return left + (high > low and (x - low) / (high - low) or 0) * width end
  local function y_of(y) return top + height - (most > 0 and y / most or 0) * height end
  local parts, told = {}, {}
  for tick = 0, math.floor(most / y_step + 1e-9) do
    local y = length(y_of(tick * y_step))
    parts[#parts + 1] = string.format("<path d=\"M%d %sh%d\" stroke=\"#dddddd\" fill=\"none\"/>", left, y, width)
    parts[#parts + 1] = string.format("<text x=\"%d\" y=\"%s\" text-anchor=\"end\" dy=\"4\">%s</text>", left - 8, y,
      shown(tick * y_step))
  end
  for tick = math.ceil(low / x_step - 1e-9), math.floor(high / x_step + 1e-9) do
    parts[#parts + 1] = string.format("<text x=\"%s\" y=\"%d\" text-anchor=\"middle\">%s</text>",
      length(x_of(tick * x_step)), top + height + 20, shown(tick * x_step))
  end
  for index, line in ipairs(chart.lines) do
    local colour, points = COLOURS[(index - 1) % #COLOURS + 1], {}
    for place, point in ipairs(line.points) do points[place] = length(x_of(point[1])) .. "," .. length(y_of(point[2])) end
    parts[#parts + 1] = string.format("<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>",
      table.concat(points, " "), colour)
    parts[#parts + 1] = string.format("<text x=\"%d\" y=\"%d\" fill=\"%s\">%s</text>", left + width + 12,
      top + 12 + (index - 1) * 20, colour, escape(line.label))
    told[index] = string.format("%s: from %s to %s", line.label, shown(line.points[1][2]),
      shown(line.points[#line.points][2]))
  end
  parts[#parts + 1] = string.format("<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>", left + width / 2,
    top + height + 44, escape(chart.x_label or ""))
  parts[#parts + 1] = string.format("<text x=\"18\" y=\"%d\" text-anchor=\"middle\" transform=\"rotate(-90 18 %d)\">%s</text>",
    top + height / 2, top + height / 2, escape(chart.y_label or ""))
  return document(top + height + 60, chart.title, table.concat(told, "; "), parts)
end

return plot
