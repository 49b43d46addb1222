#include "cell/vm/state.h"

#include "cell/vm/compiled.h"
#include "host/cell/vm/vm_fixture.h"

using Catch::Matchers::Contains;
using clade::Value;
using clade::test::ChunkVm;

TEST_CASE("a VM made of compiled scripts is the same") {
  clade::vm::compile_embedded();
  ChunkVm vm;
  CHECK(vm.run("return 1") == Value(1));
  CHECK_THAT(vm.error("table.concat = 1"), Contains("chunk:1: table.concat cannot be set"));
}

TEST_CASE("what leads out of a VM is gone") {
  ChunkVm vm;
  for (const char* name : {"ffi", "jit", "debug", "package", "io", "os", "newproxy", "getfenv", "setfenv",
                           "dofile", "loadfile", "module", "gcinfo", "string.dump", "table.foreach",
                           "table.foreachi", "table.getn", "clade", "host"}) {
    INFO(name);
    CHECK(vm.run(std::string("return ") + name + " == nil")->as_bool());
  }
  for (const char* module : {"ffi", "jit", "jit.util", "table.new", "string.buffer", "io"}) {
    CHECK_THAT(vm.error(std::string("require '") + module + "'"), Contains("there is no module"));
  }
}

TEST_CASE("what remains works") {
  ChunkVm vm;
  for (const char* expression :
       {"pcall(error, 'x') == false",
        "select('#', 1, 2) == 2",
        "unpack({ 7 }) == 7",
        "('x'):rep(3) == 'xxx'",
        "('%d %s %5.2f'):format(1, 'a', 2) == '1 a  2.00'",
        "('100%%p'):format() == '100%p'",
        "('abc'):gsub('b', 'x') == 'axc'",
        "('abc'):gsub('%w', { a = '1' }) == '1bc'",
        "('abc'):gsub('%w', function(c) return c .. c end) == 'aabbcc'",
        "select(2, ('aaa'):gsub('a', 'b', 2)) == 2",
        "bit.bxor(5, 1) == 4",
        "math.floor(2.5) == 2",
        "#'abc' == 3",
        "tonumber('0x10') == 16",
        "type(collectgarbage('count')) == 'number'",
        "rawget({ 5 }, 1) == 5",
        "tostring(1.5) .. tostring(nil) .. tostring(true) == '1.5niltrue'",
        "_G._G == _G",
        "_VERSION == 'Lua 5.1'",
        "loadstring('return 3')() == 3",
        "load(function() return nil end) ~= nil",
        "load('return x', 'n', 't', { x = 9 })() == 9",
        "assert(load('return ...'))(4) == 4",
        "next({}) == nil",
        "next({ 5 }) == 1",
        "coroutine.wrap(function() coroutine.yield(5) end)() == 5",
        "table.concat({ 1, 2 }, '-') == '1-2'",
        "xpcall(function() return 3 end, print)",
        "select(2, xpcall(error, function(m) return m .. '!' end, 'x')) == 'x!'",
        "select(2, pcall(coroutine.wrap(function() error('in it', 0) end))) == 'in it'",
        "string.format('%s', setmetatable({}, { __tostring = function() return 'mine' end })) == 'mine'"}) {
    INFO(expression);
    auto value = vm.run(std::string("return ") + expression);
    INFO((value ? "" : value.error().message));
    REQUIRE(value);
    CHECK(value->as_bool());
  }
  CHECK(vm.run("local t = { 3, 1, 2 } table.sort(t, function(a, b) return a > b end) return t") ==
        Value(Value::Array{3, 2, 1}));
}

TEST_CASE("a repeat count that LuaJIT would wrap is an error") {
  ChunkVm vm;
  for (const char* count : {"2^31", "2^32 + 1", "1/0", "'2147483648'", "0/0"}) {
    INFO(count);
    CHECK_THAT(vm.error(std::string("local x = ('a'):rep(") + count + ")"),
               Contains("chunk:1: string.rep: at most 2147483647 repeats, not "));
  }
  CHECK(vm.run("return ('a'):rep(-1) .. ('a'):rep(-2^40) .. ('ab'):rep('2', '-') .. (''):rep(2^31 - 1)") ==
        Value("ab-ab"));
  CHECK_THAT(vm.error("local x = string.rep('a', 'b')"), Contains("bad argument #2 to 'rep'"));
}

TEST_CASE("loaded code sees the script's globals and is never bytecode") {
  ChunkVm vm;
  CHECK(vm.run("return load('return debug == nil and io == nil and jit == nil')()")->as_bool());
  CHECK(
      vm.run("local fn, problem = load('\\27LJ\\2') return { fn == nil, problem }")->as_array()[0].as_bool());
  CHECK(vm.run("local fn, problem = load('\\27LJ\\2', 'x', 'b') return fn == nil")->as_bool());
  CHECK(vm.run("local parts, at = { 'return ', '5' }, 0\n"
               "return load(function() at = at + 1 return parts[at] end)()")
            ->as_integer() == 5);
  CHECK_THAT(vm.error("load(5)"), Contains("chunk:1: bad argument #1 to 'load'"));
}

TEST_CASE("no text holds an address") {
  ChunkVm vm;
  for (const char* expression :
       {"tostring({})", "tostring(print)", "tostring(coroutine.create(print))", "('%s'):format({})",
        "string.format('%s %s %s', 1, print, {})", "string.format('%q', 'x')"}) {
    INFO(expression);
    CHECK(vm.run(std::string("return ") + expression)->as_string().find("0x") == std::string::npos);
  }
  CHECK_THAT(vm.error("local x = ('%p'):format({})"), Contains("chunk:1: invalid option '%p'"));
  CHECK_THAT(vm.error("return ('%-9p'):format({})"), Contains("invalid option '%p'"));
  CHECK_THAT(vm.error("return ('%%%p'):format({})"), Contains("invalid option '%p'"));
  CHECK_THAT(vm.error("local t = setmetatable({}, { __index = error }) t.x()"), !Contains("0x"));
}

TEST_CASE("library tables cannot be changed") {
  ChunkVm vm;
  CHECK_THAT(vm.error("string.rep = nil"),
             Contains("chunk:1: string.rep cannot be set: string is read-only"));
  CHECK_THAT(vm.error("rawset(math, 'floor', print)"), Contains("read-only"));
  CHECK_THAT(vm.error("setmetatable(table, {})"), Contains("protected metatable"));
  CHECK(vm.run("return getmetatable('') == false and getmetatable(math) == false")->as_bool());
  CHECK_THAT(vm.error("getmetatable('').__index = {}"), Contains("index"));
  CHECK(vm.run("local names = {} for name in pairs(bit) do names[#names + 1] = name end return names[1]")
            ->as_string() == "arshift");
}

TEST_CASE("only the count of collectgarbage is left") {
  ChunkVm vm;
  for (const char* option : {"collect", "stop", "step", "setpause"}) {
    CHECK_THAT(vm.error(std::string("collectgarbage('") + option + "')"), Contains("only \"count\""));
  }
  CHECK_THAT(vm.error("collectgarbage()"), Contains("only \"count\""));
}

TEST_CASE("random numbers are the same in every VM") {
  const char* source = "return { math.random(1000000), math.random(1000000) }";
  CHECK(ChunkVm().run(source) == ChunkVm().run(source));
  CHECK(ChunkVm().run("math.randomseed(5) return math.random(1000000)") ==
        ChunkVm().run("math.random() math.randomseed(5) return math.random(1000000)"));
}

TEST_CASE("the memory cap is an error that a script may catch, and the VM goes on") {
  ChunkVm vm(8u << 20);
  for (const char* eater : {"local t = {} for i = 1, 1e8 do t[i] = i end", "return ('x'):rep(1e9)",
                            "local t = {} while true do t[#t + 1] = function() return t end end",
                            "local s = 'x' while true do s = s .. s end",
                            "local t = {} for i = 1, 1e8 do t['k' .. i] = {} end"}) {
    INFO(eater);
    const auto result = vm.run(eater);
    REQUIRE_FALSE(result);
    CHECK(result.error().code == "memory");
    CHECK_THAT(result.error().message, Contains("the cap is 8 MB"));
    CHECK(vm.run("return 1 + 1") == Value(2));
  }
  CHECK(vm.run("return { pcall(function() local t = {} for i = 1, 1e8 do t[i] = {} end end) }") ==
        Value(Value::Array{false, "not enough memory"}));
}

TEST_CASE("garbage alone does not reach the cap") {
  ChunkVm vm(8u << 20);
  CHECK(vm.run("local kept = {} for i = 1, 30000 do kept[i] = { i } end\n"
               "local last for i = 1, 100000 do last = { i, i, i } end\n"
               "for i = 1, 100 do last = ('x'):rep(1e6 + i) end return #kept") == Value(30000));
}

TEST_CASE("deep recursion through C functions is refused, not fatal") {
  ChunkVm vm(64u << 20);
  CHECK_THAT(vm.error("local function f() return (('x'):gsub('x', f)) end f()"), Contains("stack overflow"));
  CHECK_THAT(vm.error("local function f() table.sort({ 1, 2 }, f) end f()"), Contains("stack overflow"));
  CHECK_THAT(vm.error("local function f() coroutine.wrap(f)() end f()"), Contains("nested deeper than 100"));
  CHECK_THAT(vm.error("local function f() local ok, m = coroutine.resume(coroutine.create(f)) if not ok then "
                      "error(m, 0) end "
                      "end f()"),
             Contains("nested deeper than 100"));
  CHECK_THAT(vm.error("local function f() coroutine.wrap(function() ('x'):gsub('x', f) end)() end f()"),
             Contains("nested deeper than 100"));
  CHECK_THAT(
      vm.error(
          "local t = {} getmetatable(setmetatable(t, {})).__index = function(_, k) return t[k .. 'x'] end "
          "return ('a'):gsub('a', t)"),
      Contains("stack overflow"));
  CHECK_THAT(vm.error("local function f() return 1 + f() end f()"), Contains("stack overflow"));
  CHECK(vm.run("local n = 0 for i = 1, 300 do coroutine.wrap(function() n = n + 1 end)() end return n") ==
        Value(300));
}
