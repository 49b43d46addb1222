-- What may stand where: the top level, siblings, mirrors, the files of roles and skills, sizes, what Lua requires.
local files = require "files"

local top = files.set {
  "CMakeLists.txt", "CMakePresets.json", "host/", "scripts/", "skills/", "agents/", "knowledge/", "tests/", "README.md",
  "dev", "swarm.yaml", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md",
  -- What building and running leaves there; git ignores it.
  "build/", "report/", "compile_commands.json",
}
-- Sources that are no header's other half: a main function, text for the store, one binding per primitive.
local lone_sources = { "^host/main%.cpp$", "/migrations%.cpp$", "/bind_[^/]*%.cpp$" }
local lines_allowed = { h = 300, cpp = 600, lua = 400 }

local function matches_any(path, patterns)
  for _, pattern in ipairs(patterns) do
    if path:match(pattern) then return true end
  end
  return false
end

local function check_top(root, report)
  for _, name in ipairs(files.top(root)) do
    if not top[name] and not name:match("^%.") then report(name, nil, "does not belong on the top level") end
  end
end

-- name.cpp has name.h, or is a part of a longer unit: control_request.cpp of control.h.
local function has_header(path, present)
  local stem = path:match("^(.*)%.cpp$")
  while stem do
    if present[stem .. ".h"] then return true end
    stem = stem:match("^(.*/[^/]*)_[^_/]*$")
  end
  return false
end

local function check_host(root, report)
  local paths = files.below(root, "host")
  local present, seen = files.set(paths), {}
  for _, path in ipairs(paths) do
    if path:match("%.cpp$") then
      if not matches_any(path, lone_sources) and not has_header(path, present) then
        report(path, nil, "has no header beside it")
      end
      local folder = path:match("^host/(.*)/[^/]*$")
      if folder and not seen[folder] then
        seen[folder] = true
        local tested = false
        for _, test in ipairs(files.below(root, "tests/host/" .. folder)) do
          tested = tested or test:match("^tests/host/(.*)/[^/]*%.cpp$") == folder
        end
        if not tested then report("host/" .. folder, nil, "has no test in tests/host/" .. folder) end
      end
    end
  end
end

local function check_sizes(root, report)
  for _, folder in ipairs { "host", "scripts", "skills", "agents", "tests" } do
    for _, path in ipairs(files.below(root, folder)) do
      local allowed = lines_allowed[path:match("%.(%w+)$") or ""]
      if allowed then
        local count = #files.lines(root, path)
        if count > allowed then
          report(path, nil, count .. " lines, more than " .. allowed .. ": which two things is it?")
        end
      end
    end
  end
end

-- CTest hands a test's name to the program as an argument: some characters would select nothing, or something else.
local function check_test_names(root, report)
  for _, path in ipairs(files.below(root, "tests")) do
    if path:match("%.cpp$") then
      for number, line in ipairs(files.lines(root, path)) do
        local name = line:match('^TEST_CASE%("(.-)"') or line:match('^TEST_CASE_METHOD%([%w_:]+, "(.-)"')
        if name and (name:match("^[-*~]") or name:match("%*$") or name:match(";")) then
          report(path, number, "CTest cannot select this name: no ; in it, no - ~ or * at its ends")
        end
      end
    end
  end
end

-- A fuzz target starts from kept seeds, and a planted fault shows that it finds something.
local function check_fuzz(root, report)
  local targets, seeded, planted = {}, {}, {}
  for _, path in ipairs(files.below(root, "tests/fuzz")) do
    local target = path:match("^tests/fuzz/([^/]+)%.cpp$")
    local seed = path:match("^tests/fuzz/seeds/([^/]+)/")
    local patch = path:match("^tests/fuzz/planted/([^/]+)%.patch$")
    if target then targets[target] = path end
    if seed then seeded[seed] = path end
    if patch then planted[patch] = path end
  end
  for name, path in pairs(targets) do
    if not seeded[name] then report(path, nil, "has no seeds in tests/fuzz/seeds/" .. name) end
    if not planted[name] then report(path, nil, "has no fault in tests/fuzz/planted/" .. name .. ".patch") end
  end
  for _, kind in ipairs { seeded, planted } do
    for name, path in pairs(kind) do
      if not targets[name] then report(path, nil, "belongs to no target tests/fuzz/" .. name .. ".cpp") end
    end
  end
end

-- Calls visit(line number, required name) for each literal require of a Lua file; comments and texts are passed over.
local function requires(root, path, visit)
  local text = table.concat(files.lines(root, path), "\n")
  local at = 1
  while at <= #text do
    local level = text:match("^%[(=*)%[", at) or text:match("^%-%-%[(=*)%[", at)
    local quote = text:match("^[\"']", at)
    local word = text:match("^[%a_][%w_]*", at)
    if level then
      local _, finish = text:find("]" .. level .. "]", at, true)
      at = (finish or #text) + 1
    elseif text:match("^%-%-", at) then
      at = text:find("\n", at, true) or #text + 1
    elseif quote then
      at = at + 1
      while at <= #text and text:sub(at, at) ~= quote do at = at + (text:sub(at, at) == "\\" and 2 or 1) end
      at = at + 1
    elseif word then
      local name = word == "require" and text:match("^%s*%(?%s*[\"']([^\"'\n]+)[\"']", at + #word)
      if name then
        local _, number = text:sub(1, at):gsub("\n", "\n")
        visit(number + 1, name)
      end
      at = at + #word
    else
      at = at + 1
    end
  end
end

-- The folders of roles and skills: what each must hold, and what its Lua may require.
local function check_lua(root, report)
  local roles, skills = {}, {}
  local function members(folder, depth, into)
    for _, path in ipairs(files.below(root, folder)) do
      local name = path:match("^" .. folder .. "/" .. ("[^/]+/"):rep(depth - 1) .. "[^/]+/")
      if name then
        into[name] = into[name] or {}
        into[name][path:sub(#name + 1)] = true
      else
        report(path, nil, "belongs in a folder of its own")
      end
    end
  end
  members("agents", 1, roles)
  members("skills", 2, skills)
  local function must_hold(folders, names)
    for folder, entries in pairs(folders) do
      for _, name in ipairs(names) do
        if not entries[name] then report(folder .. name, nil, "is missing") end
      end
    end
  end
  must_hold(roles, { "init.lua", "agent.yaml" })
  must_hold(skills, { "init.lua", "skill.yaml", "test.lua" })

  local function is_skill(id) return skills["skills/" .. id:gsub("%.", "/") .. "/"] ~= nil end
  for _, path in ipairs(files.below(root, "agents")) do
    if path:match("%.lua$") then
      requires(root, path, function(number, name)
        if name:match("^agents[./]") or roles["agents/" .. name .. "/"] then
          report(path, number, "agents never require agents (" .. name .. "); they send mail")
        elseif not is_skill(name) then
          report(path, number, "an agent requires skills by their id, and " .. name .. " is none")
        end
      end)
    end
  end
  for _, path in ipairs(files.below(root, "skills")) do
    if path:match("%.lua$") then
      requires(root, path, function(number, name)
        if not is_skill(name) then
          report(path, number, "a skill requires skills by their id, and " .. name .. " is none")
        end
      end)
    end
  end
  for _, path in ipairs(files.below(root, "scripts")) do
    if path:match("%.lua$") then
      requires(root, path, function(number, name)
        if is_skill(name) or name:match("^skills[./]") or name:match("^agents[./]") then
          report(path, number, "scripts/ must not require " .. name .. ": skills and agents stand on it")
        end
      end)
    end
  end
end

return function(root, report)
  check_top(root, report)
  check_host(root, report)
  check_sizes(root, report)
  check_test_names(root, report)
  check_fuzz(root, report)
  check_lua(root, report)
end
