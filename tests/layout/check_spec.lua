-- The layout check finds what it is for: each case plants one violation in a small tree that is otherwise right.
-- luajit tests/layout/check_spec.lua
local here = arg[0]:match("^(.*)/[^/]*$") or "."

local sound = {
  ["host/main.cpp"] = '#include "cli/app.h"\n\nint main() { return 0; }\n',
  ["host/base/value.h"] = "#pragma once\n\n// Adds.\nint add(int left, int right);\n",
  ["host/base/value.cpp"] = '#include "base/value.h"\n',
  ["host/store/database.h"] = '#include "base/value.h"\n',
  ["host/store/database.cpp"] = '#include "store/database.h"\n\n#include <sqlite3.h>\n',
  ["host/queue/queue.h"] = '#include "store/database.h"\n',
  ["tests/host/base/value_test.cpp"] = "#include <catch2/catch.hpp>\n",
  ["tests/host/store/database_test.cpp"] = "#include <sqlite3.h>\n",
  ["tests/fuzz/codec.cpp"] = "\n",
  ["tests/fuzz/seeds/codec/empty"] = "\n",
  ["tests/fuzz/planted/codec.patch"] = "Planted: nothing\n",
  ["scripts/std/queue.lua"] =
    "local queue = {}\n\n-- Adds a task.\nfunction queue.add(task) return task end\n\nreturn queue\n",
  ["agents/hunter/init.lua"] = 'local packer = require "optimize.packing"\nreturn { api = 1, packer = packer }\n',
  ["agents/hunter/agent.yaml"] = "summary: hunts\n",
  ["skills/optimize/packing/init.lua"] = "return {}\n",
  ["skills/optimize/packing/skill.yaml"] = "id: optimize.packing\n",
  ["skills/optimize/packing/test.lua"] = 'return require "optimize.packing"\n',
  ["README.md"] = "# clade\n",
  [".gitignore"] = "/build/\n",
}

-- Each: what is planted (path → text, false: the file is missing), and what the check must say of it.
local cases = {
  { {}, nil },
  { { ["host/base/clock.h"] = '#include "store/database.h"\n' }, "host/base/clock.h:1: base must not include store" },
  { { ["host/queue/mails.h"] = '#include "mail/mail.h"\n' }, "host/queue/mails.h:1: queue must not include mail" },
  { { ["host/cell/vm/state.h"] = '\n#include "store/database.h"\n' }, "vm/state.h:2: cell/vm must not include store" },
  { { ["host/base/near.h"] = '#include "value.h"\n' }, "by its path from host/" },
  { { ["host/queue/timer.h"] = "#include <uv.h>\n" }, "<uv.h> belongs in loop" },
  { { ["host/queue/rows.h"] = "#include <sqlite3.h>\n" }, "<sqlite3.h> belongs in store" },
  { { ["host/base/vm.h"] = "#include <lua.h>\n" }, "<lua.h> belongs in cell/vm" },
  { { ["host/queue/json.h"] = "#include <rapidjson/document.h>\n" }, "<rapidjson/document.h> belongs in base" },
  { { ["host/queue/read.h"] = "#include <yaml-cpp/yaml.h>\n" }, "<yaml-cpp/yaml.h> belongs in script" },
  { { ["host/base/check.h"] = "#include <catch2/catch.hpp>\n" }, "<catch2/catch.hpp> belongs in tests" },
  { { ["host/helper/thing.h"] = "\n" }, "host/helper is no folder of the design" },
  { { ["notes.txt"] = "\n" }, "notes.txt: does not belong on the top level" },
  { { ["host/base/lonely.cpp"] = "\n" }, "host/base/lonely.cpp: has no header beside it" },
  { { ["host/base/value_codec.cpp"] = "\n" }, nil },
  { { ["tests/host/store/database_test.cpp"] = false }, "host/store: has no test in tests/host/store" },
  { { ["tests/host/base/more.cpp"] = 'TEST_CASE("one; two") {}\n' }, "tests/host/base/more.cpp:1: CTest cannot select" },
  { { ["tests/host/base/more.cpp"] = '\nTEST_CASE("--json prints") {}\n' }, "base/more.cpp:2: CTest cannot select" },
  { { ["tests/host/base/more.cpp"] = 'TEST_CASE("a, b: c", "[tag]") {}\n' }, nil },
  { { ["tests/fuzz/yaml.cpp"] = "\n", ["tests/fuzz/planted/yaml.patch"] = "Planted: nothing\n" },
    "tests/fuzz/yaml.cpp: has no seeds in tests/fuzz/seeds/yaml" },
  { { ["tests/fuzz/planted/codec.patch"] = false }, "tests/fuzz/codec.cpp: has no fault in tests/fuzz/planted/codec.patch" },
  { { ["tests/fuzz/seeds/yaml/1"] = "\n" }, "tests/fuzz/seeds/yaml/1: belongs to no target tests/fuzz/yaml.cpp" },
  { { ["host/base/long.h"] = ("\n"):rep(301) }, "host/base/long.h: 301 lines, more than 300" },
  { { ["agents/hunter/long.lua"] = ("\n"):rep(401) }, "agents/hunter/long.lua: 401 lines, more than 400" },
  { { ["agents/critic/agent.yaml"] = "summary: doubts\n" }, "agents/critic/init.lua: is missing" },
  { { ["agents/hunter/agent.yaml"] = false }, "agents/hunter/agent.yaml: is missing" },
  { { ["skills/optimize/packing/test.lua"] = false }, "skills/optimize/packing/test.lua: is missing" },
  { { ["agents/critic/agent.yaml"] = "\n", ["agents/critic/init.lua"] = 'local hunter = require("hunter")\n' },
    "agents/critic/init.lua:1: agents never require agents (hunter)" },
  { { ["agents/hunter/more.lua"] = 'require "no.such"\n' }, "no.such is none" },
  { { ["README.md"] = "| Promise | Mutants |\n|---|---|\n| all | `no_such` |\n" }, "README.md:3: there is no mutant no_such" },
  { { ["README.md"] = "| Promise | Mutants |\n|---|---|\n| all | none |\n" }, "README.md:3: a promise without a mutant" },
  { { ["agents/hunter/more.lua"] = [==[
-- require "no.such"
--[[ require "no.such" ]]
local a = 'it\'s require "no.such"'
local b = "require 'no.such'" .. "\\"
local c = [[ require "no.such" ]]
return a .. b .. c .. require("optimize.packing")
]==] }, nil },
  { { ["scripts/std/pack.lua"] = '\nlocal packing = require "optimize.packing"\n' },
    "scripts/std/pack.lua:2: scripts/ must not require optimize.packing" },
  { { ["scripts/std/mail.lua"] = "local mail = {}\nfunction mail.send(text) return text end\n" },
    "scripts/std/mail.lua:2: mail.send() has no comment" },
  { { ["scripts/std/mail.lua"] = "local function send(text) return text end\nreturn send\n" }, nil },
  { { ["host/base/bare.h"] = "namespace clade {\n\nint bare(int value);\n\n}\n" },
    "host/base/bare.h:3: bare() has no comment" },
  { { ["host/base/bare.h"] = "// All of it.\n\nclass A {\n public:\n  A();\n\n  void run(\n    int times);\n};\n" },
    "host/base/bare.h:7: run() has no comment" },
  { { ["host/base/fine.h"] = [[
namespace clade {

// A thing.
class Thing {
 public:
  explicit Thing(int size);
  ~Thing();
  Thing& operator=(Thing&&) = delete;

  bool empty() const { return size_ == 0; }
  int size() const;

  // Grows by `count`, at most to the limit.
  void grow(int count);
  void grow(long count);
  void shrink(int count);
  void clear();  // back to nothing

  std::map<std::string, int, std::less<>> names = {{"(", 1}};
  std::function<void(int)> done;

 private:
  void hidden();
  struct State;
  std::unique_ptr<State> state_;
  int size_ = 0;
};

enum class Kind { small, large };
struct Kind2 { int value = 0; };
inline constexpr int kLimit = 3;
using Callback = std::function<void(int)>;

// Sums.
template <class T>
T sum(const std::vector<T>& values) {
  T total{};
  for (const T& value : values) total += add(total, value);
  return total;
}

}  // namespace clade
]] }, nil },
}

local function run(command)
  local pipe = io.popen(command .. " 2>&1")
  local output = pipe:read("*a")
  pipe:close()
  return output
end

local function write(path, text)
  os.execute("mkdir -p '" .. path:match("^(.*)/") .. "'")
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

local folder = run("mktemp -d"):gsub("%s+$", "")
assert(folder:match("^/"), "mktemp gave no folder: " .. folder)
local tree = folder .. "/tree"
for path, text in pairs(sound) do write(folder .. "/sound/" .. path, text) end
local luajit = arg[-1]
local failures = 0
for number, case in ipairs(cases) do
  os.execute("rm -rf '" .. tree .. "' && cp -R '" .. folder .. "/sound' '" .. tree .. "'")
  for path, text in pairs(case[1]) do
    if text then write(tree .. "/" .. path, text) else os.remove(tree .. "/" .. path) end
  end
  local output = run(luajit .. " " .. here .. "/check.lua " .. tree)
  local right
  if case[2] then
    right = output:find(case[2], 1, true) and output:match("\n1 violation of the layout\n")
  else
    right = output == ""
  end
  if not right then
    failures = failures + 1
    print("case " .. number .. ": expected " .. (case[2] or "nothing") .. ", but the check said:\n" .. output)
  end
end
os.execute("rm -rf '" .. folder .. "'")
print(#cases .. " cases, " .. failures .. " failed")
os.exit(failures == 0 and 0 or 1)
