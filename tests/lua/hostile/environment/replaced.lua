-- Guard: environment
-- Attack: replaces functions that the host's own Lua calls, then has it call them
-- Runs as: evaluation
-- Ends: kept

local kept = { assert = assert, pcall = pcall, require = require, count = count, print = print, load = load }
local function wrong() return "replaced" end
for _, name in ipairs({
  "error", "pairs", "ipairs", "next", "pcall", "xpcall", "type", "tostring", "tonumber", "select", "unpack", "rawget",
  "rawset", "setmetatable", "getmetatable", "load", "assert", "string", "table", "math", "require",
}) do
  rawset(_G, name, wrong)
end
local ok, problem = kept.pcall(kept.require, "nothing")
kept.assert(not ok and problem:find("there is no module \"nothing\" here", 1, true), problem)
ok, problem = kept.pcall(kept.count, -1)
kept.assert(not ok and problem:find("count: an integer from 0 is needed, not -1", 1, true), problem)
kept.print("still printed")
kept.assert(kept.load("return 1 + 1")() == 2)
return true
