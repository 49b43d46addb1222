describe("clade.queue", function()
  it("passes a task on as it is", function()
    local clade, calls = fake_clade({ ["queue.add"] = "r1.1" })
    expect(clade.queue.add({ type = "x", payload = { 1, 2 } })).to_be("r1.1")
    expect(calls[1]).to_equal({ op = "queue.add", args = { type = "x", payload = { 1, 2 } } })
  end)

  it("names the function, the field and the script's line when misused", function()
    local clade = fake_clade({})
    expect(function() clade.queue.add({ type = 7 }) end)
      .to_fail_with("^tests/lua/std/queue_spec.lua:10: clade.queue.add: field `type` must be a string")
    expect(function() clade.queue.add({ type = "x", prio = 7 }) end).to_fail_with("there is no field `prio`: known are after")
    expect(function() clade.queue.add("x") end).to_fail_with("a table of fields is needed, not a string")
    expect(function() clade.queue.add_all({ { type = "a" }, { after = { "a" } } }) end)
      .to_fail_with("field `type` of task 2 must be a string")
    expect(function() clade.queue.reject("t1") end).to_fail_with("argument `reason` must be a string")
  end)

  it("wraps lists and words in named arguments", function()
    local clade, calls = fake_clade({
      ["queue.add_all"] = {}, ["queue.accept"] = true, ["queue.reject"] = true, ["queue.fail"] = true, ["queue.list"] = {},
    })
    clade.queue.add_all({ { key = "a", type = "t" } })
    clade.queue.accept("t1")
    clade.queue.reject("t1", "because")
    clade.queue.fail({ id = "t1" }, "because")
    clade.queue.fail({ id = "t1" }, "because", { retry = false })
    clade.queue.list()
    expect(calls).to_equal({
      { op = "queue.add_all", args = { tasks = { { key = "a", type = "t" } } } },
      { op = "queue.accept", args = { task = "t1" } },
      { op = "queue.reject", args = { task = "t1", reason = "because" } },
      { op = "queue.fail", args = { reason = "because", retry = true } },
      { op = "queue.fail", args = { reason = "because", retry = false } },
      { op = "queue.list", args = {} },
      log = {},
    })
  end)

  it("returns expected failures as nil, message, code", function()
    local clade = fake_clade({ ["queue.get"] = function() return nil, "no task t9", "not_found" end })
    local task, message, code = clade.queue.get("t9")
    expect(task).to_be(nil)
    expect(message).to_be("no task t9")
    expect(code).to_be("not_found")
  end)
end)
