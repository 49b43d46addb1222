-- Guard: machinery
-- Attack: replaces and shadows functions of `clade`, so that later calls are its own
-- Runs as: agent
-- Ends: kept

local clade = clade
return {
  api = 1,
  tasks = { "work" },
  on_task = function()
    for _, library in ipairs({ clade, clade.queue, clade.mail, clade.cell }) do
      local function check(ok, problem)
        assert(not ok and (problem:find("read-only", 1, true) or problem:find("protected", 1, true)), problem)
      end
      check(pcall(function() library.add = print end))
      check(pcall(rawset, library, "add", print))
      check(pcall(table.insert, library, print))
      check(pcall(setmetatable, library, {}))
      assert(getmetatable(library) == false and rawget(library, "add") == nil)
    end
    return true
  end,
}
