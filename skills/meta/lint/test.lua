local function problems(skill, source, rules)
  local found = {}
  for _, problem in ipairs(skill.review(source, rules or {}).problems) do
    found[#found + 1] = problem.line .. ": " .. problem.message
  end
  return table.concat(found, "\n")
end

local function passes(skill, source, rules)
  local found = problems(skill, source, rules)
  if found ~= "" then error("a finding in " .. source .. ":\n" .. found, 2) end
end

local function refuses(skill, source, pattern, rules)
  local found = problems(skill, source, rules)
  if not found:find(pattern) then error(source .. " gives \"" .. found .. "\", not " .. pattern, 2) end
end

local PARENT = "local a = 1\n-- parameters: begin\nlocal scores = {}\n-- parameters: end\nreturn { a = a, s = scores }\n"

return {
  ["lets plain Lua pass"] = function(skill)
    passes(skill, "local t = { load = 1, os = 2 }\nreturn t.load + t.os + math.floor(1.5) + ('x'):rep(3):len()\n")
    passes(skill, "-- os.execute\n--[[ io.open\n]] return \"loadstring\", 'debug', [[ffi]], [==[os]] ]==]\n")
    passes(skill, "return 1-2, 0x1F, 1e-5, .5, 3..''\n")
  end,
  ["refuses names that reach out"] = function(skill)
    for _, name in ipairs({ "clade", "host", "subject", "_G", "getfenv", "setfenv", "load", "loadstring", "loadfile", "dofile",
      "package", "debug", "ffi", "jit", "io", "os", "newproxy", "getmetatable", "rawset", "coroutine", "count" }) do
      refuses(skill, "local a = 1\nlocal b = " .. name .. "\n", "^2: `" .. name .. "` is not allowed")
      refuses(skill, "return{" .. name .. "}", "^1: `" .. name .. "`")
    end
    for _, source in ipairs({ "local a, count = 1, 2 return count", "return function(count, host) return count + host end",
      "for subject = 1, 2 do f(subject) end", "local function f(a, count) return count end" }) do
      passes(skill, source)
    end
    refuses(skill, "local function count_all(a) count(a) end", "`count`")
    refuses(skill, "local os = 1", "`os`")
    refuses(skill, "return (os).time()", "`os`")
    refuses(skill, "local x = \"\\\"\" .. os.time()", "`os`")
    refuses(skill, "local x = [==[ ]] ]==] .. io.x", "`io`")
    refuses(skill, "--[==[ ]] ]==] io.x()", "`io`")
    refuses(skill, "return math.random()", "science.random")
    refuses(skill, "return string.dump(f)", "string.dump")
  end,
  ["refuses changes to what everybody shares"] = function(skill)
    refuses(skill, "string.rep = nil", "belongs to everybody")
    refuses(skill, "local m = math[x]", "belongs to everybody")
    refuses(skill, "setmetatable(\"\", {})", "metatable of texts")
    refuses(skill, "setmetatable('', {})", "metatable of texts")
    passes(skill, "local point = setmetatable({}, {})")
  end,
  ["refuses modules that are not declared"] = function(skill)
    passes(skill, "local a = require(\"a.b\")\nlocal b = require 'a.b'", { uses = { "a.b" } })
    refuses(skill, "require(\"a.c\")", "\"a.c\" is not in `uses`", { uses = { "a.b" } })
    refuses(skill, "require(\"a.\" .. name)", "plain text", { uses = { "a." } })
    refuses(skill, "local r = require", "plain text")
  end,
  ["refuses what does not end and what is too large"] = function(skill)
    refuses(skill, "local a = 1\nlocal s = \"abc\n", "^2: a string that does not end")
    refuses(skill, "--[[ abc", "comment that does not end")
    refuses(skill, ("-"):rep(101), "101 bytes, 100 are allowed", { max_bytes = 100 })
  end,
  ["holds changes to the parameter block"] = function(skill)
    local rules = { parent = PARENT, only_parameters = true }
    passes(skill, PARENT, rules)
    passes(skill, (PARENT:gsub("{}", "{ [0] = 1, -2,\n  3.5 }")), rules)
    refuses(skill, (PARENT:gsub("a = 1", "a = 2")), "only the parameter block", rules)
    refuses(skill, (PARENT:gsub("{}", "(function() return {} end)()")), "^3: the parameter block holds only data", rules)
    refuses(skill, (PARENT:gsub("{}", "a")), "holds only data", rules)
    refuses(skill, (PARENT:gsub("parameters: end", "")), "no line", rules)
  end,
  ["shows what changed"] = function(skill)
    local diff = skill.diff("a\nb\nc\n", "a\nx\ny\nc\n")
    assert(diff.added == 2 and diff.removed == 1)
    assert(diff.text == "@@ -2,1 +2,2 @@\n-b\n+x\n+y\n", diff.text)
    assert(skill.diff("a\n", "a\n").text == "")
    assert(skill.diff("", ("x\n"):rep(100)).text:find("and 60 lines more"))
  end,
}
