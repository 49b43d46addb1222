-- Guard: machinery
-- Attack: a selftest that calls the host and resumes what it is not given
-- Runs as: selftest
-- Ends: kept

local clade = clade
return {
  api = 1,
  tasks = { "work" },
  on_task = function() end,
  selftest = function()
    for _, call in ipairs({
      function() clade.queue.add({ type = "work" }) end, function() clade.log("x") end, function() clade.sleep(1) end,
      function() clade.all({ print }) end, function() return clade.now() + clade.random() end,
    }) do
      local ok, problem = pcall(call)
      assert(not ok and problem:find("works only while a handler runs", 1, true), problem)
    end
    assert(coroutine.running() == nil)
  end,
}
