-- Guard: machinery
-- Attack: clade.all with what is no list of functions, lists with gaps, and lists that change under it
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
    for index, list in ipairs({ 1, "x", print, { 1 }, { print, {} }, { x = print }, gaps, lies, { [1.5] = print } }) do
      local ok, problem = pcall(clade.all, list)
      assert(not ok, "list " .. index .. " was taken")
      assert(problem:find("clade.all: ", 1, true), problem)
    end
    local list = {}
    list[1] = function() list[2] = nil return "first" end
    list[2] = function() list[3] = print return "second" end
    local results = clade.all(list)
    assert(results[1] == "first" and results[2] == "second" and #results == 2)
    assert(#clade.all({}) == 0)
    return true
  end,
}
