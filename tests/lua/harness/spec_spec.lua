-- The harness itself: what its expectations accept and how they fail.
describe("expect", function()
  local failing = {
    { function() expect(1).to_be(2) end, "expected 2, got 1" },
    { function() expect({ a = { 1 } }).to_equal({ a = { 2 } }) end, "the value.a[1] is 1, not 2" },
    { function() expect({ 1 }).to_equal({ 1, 2 }) end, "the value[2] is nil, not 2" },
    { function() expect(1).to_be_near(2, 0.5) end, "expected 2 within 0.5, got 1" },
    { function() expect(0 / 0).to_be_near(0, 1) end, "within 1" },
    { function() expect("abc").to_contain("x") end, "does not contain" },
    { function() expect({ 1 }).to_contain(2) end, "does not contain" },
    { function() expect("abc").to_match("^b") end, "does not match" },
    { function() expect(function() end).to_fail_with("x") end, "none was raised" },
    { function() expect(function() error("y") end).to_fail_with("^x$") end, "does not match" },
  }
  for index, case in ipairs(failing) do
    it("refuses case " .. index .. " at the spec's line", function()
      local ok, message = pcall(case[1])
      expect(ok).to_be(false)
      expect(message).to_match("^tests/lua/harness/spec_spec.lua:" .. (index + 3) .. ": ")
      expect(message).to_contain(case[2])
    end)
  end

  it("accepts what fits", function()
    expect({ 1, { x = "y" } }).to_equal({ 1, { x = "y" } })
    expect({ 1, { x = "y" } }).to_contain({ x = "y" })
    expect(1.05).to_be_near(1, 0.1)
    expect(function() error("abc") end).to_fail_with("b")
  end)
end)

describe("files of the repository", function()
  it("are read, loaded and required", function()
    expect(source("scripts/inspect.lua")).to_contain("inspect(value")
    expect(type(require("scripts.std.queue").add)).to_be("function")
    expect(require("scripts.std.queue")).to_be(require("scripts.std.queue"))
    expect(function() source("scripts/none.lua") end).to_fail_with("cannot read scripts/none.lua")
    expect(function() require("optimize.none") end).to_fail_with("skills/optimize/none/init.lua")
  end)

  it("see the globals they are given", function()
    local clade, calls = fake_clade({ ["swarm.info"] = { name = "s" } })
    local part = load_module("scripts/std/swarm.lua", { extra = 1 }, { request = function(op) return op end })
    expect(part.info()).to_be("swarm.info")
    expect(clade.swarm.info()).to_equal({ name = "s" })
    expect(#calls).to_be(1)
    expect(function() clade.skill.list() end).to_fail_with("no answer for the op skill.list")
  end)
end)
