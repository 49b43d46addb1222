-- luacheck: read globals load

local SOURCE = "local a = 1\n-- parameters: begin\nlocal scores = {}\n-- parameters: end\nreturn a\n"

local function expect(value, wanted, what)
  if value ~= wanted then error(what .. ": " .. tostring(value) .. ", expected " .. tostring(wanted), 2) end
end

return {
  ["splits a source"] = function(skill)
    local before, block, after = skill.split(SOURCE)
    expect(before, "local a = 1\n-- parameters: begin\n", "before")
    expect(block, "local scores = {}\n", "block")
    expect(after, "-- parameters: end\nreturn a\n", "after")
    expect(select(2, skill.split("-- parameters: begin\n-- parameters: end\n")), "", "empty block")
  end,
  ["replaces the block and nothing else"] = function(skill)
    expect(skill.replace(SOURCE, "local scores = { 1 }\n"), (SOURCE:gsub("{}", "{ 1 }")), "replaced")
    expect(skill.replace(SOURCE, select(2, skill.split(SOURCE))), SOURCE, "unchanged")
  end,
  ["writes a table that reads back"] = function(skill)
    local list = {}
    for index = 1, 150 do list[index] = index * 37 % 101 end
    local block = skill.table_block("scores", list, 0)
    local scores = load(block .. "return scores")()
    for index, value in ipairs(list) do expect(scores[index - 1], value, "element " .. index) end
    for line in block:gmatch("[^\n]+") do expect(#line <= 100, true, "width") end
  end,
  ["says what is wrong with the markers"] = function(skill)
    for source, pattern in pairs({
      ["return 1\n"] = "no line \"%-%- parameters: begin\"",
      ["-- parameters: begin\n"] = "no line \"%-%- parameters: end\"",
      [SOURCE .. SOURCE] = "twice",
      ["-- parameters: end\n-- parameters: begin\n"] = "before it begins",
    }) do
      local before, message = skill.split(source)
      expect(before, nil, "value")
      expect(message:find(pattern) ~= nil, true, message)
    end
  end,
}
