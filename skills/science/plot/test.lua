-- Checks that a text is well-formed enough for an XML reader: tags nest, nothing bare is left, entities are known.
local function check_xml(text)
  local open = {}
  local rest = text:gsub("^<%?xml [^?]*%?>", "")
  for before, slash, name, attributes, closed in rest:gmatch("([^<]*)<(/?)(%a+)([^<>]-)(/?)>") do
    assert(not before:find("&[^;]*$") and not before:find("&%A"), "a bare & in " .. before)
    local left = attributes:gsub("%s[%w:%-]+=\"[^\"<]*\"", "")
    assert(left:match("^%s*$"), "attributes of " .. name .. ": " .. attributes)
    if slash == "/" then
      assert(table.remove(open) == name, "</" .. name .. "> closes something else")
    elseif closed == "" then
      open[#open + 1] = name
    end
  end
  assert(#open == 0, "not closed: " .. table.concat(open, " "))
end

local function contains(text, part)
  assert(text:find(part, 1, true), "it does not contain " .. part)
end

return {
  ["draws bars with their labels and values"] = function(skill)
    local svg = skill.bars({ title = "Waste", unit = " %", bars = {
      { label = "best fit", value = 3.98 }, { label = "now", value = 0.8, note = "(new)" } } })
    check_xml(svg)
    contains(svg, "<title id=\"title\">Waste</title>")
    contains(svg, "best fit: 3.98 %; now: 0.8 % (new)")
    contains(svg, "width=\"360\"")
  end,
  ["escapes text"] = function(skill)
    local svg = skill.bars({ title = "a < b & \"c\"\1", bars = { { label = "<script>", value = 0 } } })
    check_xml(svg)
    contains(svg, "a &lt; b &amp; &quot;c&quot; </title>")
    contains(svg, "&lt;script&gt;")
  end,
  ["draws lines"] = function(skill)
    local svg = skill.lines({ title = "Progress", x_label = "evaluations", y_label = "excess", lines = {
      { label = "island 1", points = { { 0, 4 }, { 500, 2 }, { 1000, 1 } } }, { label = "2", points = { { 0, 4 } } } } })
    check_xml(svg)
    contains(svg, "points=\"70,50 310,180 550,245\"")
    contains(svg, "island 1: from 4 to 1")
  end,
  ["refuses what cannot be drawn"] = function(skill)
    assert(not pcall(skill.bars, { title = "", bars = {} }))
    assert(not pcall(skill.bars, { title = "", bars = { { label = "", value = 0 / 0 } } }))
    assert(not pcall(skill.bars, { title = "", bars = { { label = "", value = -1 } } }))
    assert(not pcall(skill.lines, { title = "", lines = { { label = "", points = {} } } }))
  end,
}
