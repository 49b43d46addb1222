-- What README.md says that holds its promises: each mutant that it names is there, and each row names some.
local files = require "files"

return function(root, report)
  local mutants = {}
  for _, path in ipairs(files.below(root, "tests/mutants")) do
    local name = path:match("([%w_]+)%.patch$")
    if name then mutants[name] = true end
  end
  local inside = false
  for number, line in ipairs(files.lines(root, "README.md")) do
    if line:match("^| Promise |") then
      inside = true
    elseif not line:match("^|") then
      inside = false
    elseif inside and not line:match("^|%-") then
      local named = 0
      for name in line:match("|([^|]*)|%s*$"):gmatch("`([%w_]+)`") do
        named = named + 1
        if not mutants[name] then report("README.md", number, "there is no mutant " .. name) end
      end
      if named == 0 then report("README.md", number, "a promise without a mutant that breaks it") end
    end
  end
end
