-- Guard: machinery
-- Attack: clade.any with what is no list of functions, and lists that change under it
-- Runs as: agent
-- Ends: kept

local clade = clade
return {
  api = 1,
  tasks = { "work" },
  on_task = function()
    local gaps = { print, nil, print, x = print }
    local lies = setmetatable({}, { __index = function() return print end, __len = function() return 5 end })
    lies.x = print
    for index, list in ipairs({ 1, "x", {}, { 1 }, { print, {} }, { x = print }, gaps, lies, { [1.5] = print } }) do
      local ok, problem = pcall(clade.any, list)
      assert(not ok, "list " .. index .. " was taken")
      assert(problem:find("clade.any: ", 1, true), problem)
    end
    local list = {}
    list[1] = function() list[2] = nil error("out") end
    list[2] = function() list[3] = print return "second" end
    local value, index = clade.any(list)
    assert(value == "second" and index == 2)
    for _, ms in ipairs({ "1", {}, 0 / 0 }) do
      assert(not pcall(clade.timeout, ms, print))
    end
    assert(not pcall(clade.timeout, 1, "print"))
    return true
  end,
}
