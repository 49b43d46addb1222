-- What holds for all shipped roles: they load, their selftests pass, and swarm.yaml gives exactly what they ask for.
local ROLES = { "hunter", "critic", "pm", "builder", "reviewer", "tester", "publisher", "meta", "liaison", "support" }

-- The items of a list in one of our YAML files: lines "  - x" after `key:` at this indent.
local function items_of(text, key, indent)
  local list, inside = {}, false
  for line in (text .. "\n"):gmatch("(.-)\n") do
    if line == indent .. key .. ":" then
      inside = true
    elseif inside then
      local item = line:match("^" .. indent .. "  %- (.+)$")
      if not item then break end
      list[#list + 1] = item:match("^\"(.*)\"$") or item
    end
  end
  return list
end

-- The part of swarm.yaml that is a role's.
local function role_of(text, role)
  local from = text:find("\n  " .. role .. ":\n", 1, true)
  return from and text:sub(from + 1)
end

describe("the shipped roles", function()
  local swarm = source("swarm.yaml")

  for _, role in ipairs(ROLES) do
    it(role .. " loads and passes its selftest", function()
      local agent = load_module("agents/" .. role .. "/init.lua", { clade = fake_clade({}) })
      expect(agent.api).to_be(1)
      expect(type(agent.state)).to_be("table")
      expect(agent.on_task ~= nil or agent.on_mail ~= nil).to_be(true)
      if agent.selftest then agent.selftest() end
    end)

    it(role .. " is given what it asks for, and no more", function()
      local asked = items_of(source("agents/" .. role .. "/agent.yaml"), "grants", "")
      expect(#asked > 0).to_be(true)
      expect(items_of(assert(role_of(swarm, role)), "grants", "    ")).to_equal(asked)
    end)
  end

  it("handle every type of task that they file, once", function()
    local handled = {}
    for _, role in ipairs(ROLES) do
      local agent = load_module("agents/" .. role .. "/init.lua", { clade = fake_clade({}) })
      for _, pattern in ipairs(agent.tasks or {}) do
        expect(handled[pattern]).to_be(nil)
        handled[pattern] = role
      end
    end
    for _, role in ipairs(ROLES) do
      for _, grant in ipairs(items_of(source("agents/" .. role .. "/agent.yaml"), "grants", "")) do
        local type_of_task = grant:match("^queue.add:([%a_]+)$")
        if type_of_task then
          expect(handled[type_of_task] or handled[type_of_task:match("^%a+_") .. "*"]).to_match("%a")
        end
      end
    end
    expect(handled["scan_*"]).to_be("hunter")
    expect(source("agents/support/agent.yaml")).to_contain("topics: [task.failed]")
  end)
end)
