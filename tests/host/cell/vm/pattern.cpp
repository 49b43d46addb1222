// Patterns against LuaJIT's own functions as the oracle: the same answers, and an end where they have none.
#include "cell/vm/pattern.h"

#include <memory>
#include <string>

#include <catch2/catch.hpp>

#include "cell/vm/bindings.h"
#include "cell/vm/bounds.h"
#include "host/cell/vm/vm_fixture.h"

namespace clade::vm {
namespace {

// A plain LuaJIT with our functions as the table `ours` beside its own.
std::string run_beside(const char* script) {
  const std::unique_ptr<lua_State, void (*)(lua_State*)> state(luaL_newstate(), lua_close);
  luaL_openlibs(state.get());
  lua_newtable(state.get());
  open_pattern(state.get());
  lua_setglobal(state.get(), "ours");
  if (luaL_dostring(state.get(), script) == 0) return "";
  return lua_tostring(state.get(), -1);
}

// Compares what both say, errors included but for their wording of limits.
const char* const kSame = R"lua(
  local function outcome(fn, ...)
    local values = { pcall(fn, ...) }
    values.n = select("#", unpack(values, 1, table.maxn(values)))
    for index = 1, table.maxn(values) do
      values[index] = type(values[index]) .. ":" .. tostring(values[index]):gsub("^[^ ]*:%d+: ", "")
    end
    return table.concat(values, "|", 1, table.maxn(values))
  end
  local function all_matches(gmatch, ...)
    local found, count = {}, 0
    for a, b, c in gmatch(...) do
      count = count + 1
      found[count] = tostring(a) .. "," .. tostring(b) .. "," .. tostring(c)
      if count == 50 then break end
    end
    return table.concat(found, ";")
  end
  function same(name, ...)
    local theirs, mine
    if name == "gmatch" then
      theirs, mine = outcome(all_matches, string.gmatch, ...), outcome(all_matches, ours.gmatch, ...)
    else
      theirs, mine = outcome(string[name], ...), outcome(ours[name], ...)
    end
    if theirs ~= mine then
      local arguments = { ... }
      for index = 1, select("#", ...) do arguments[index] = ("%q"):format(tostring(arguments[index])) end
      error(name .. "(" .. table.concat(arguments, ", ") .. "): " .. mine .. " instead of " .. theirs, 0)
    end
  end
)lua";

TEST_CASE("patterns give what LuaJIT's own give") {
  const std::string script = std::string(kSame) + R"lua(
    for _, case in ipairs {
      { "hello world", "o w" }, { "hello", "(h)(.)(.-)o" }, { "  trim  ", "^%s*(.-)%s*$" },
      { "key = value", "^(%w+)%s*=%s*(%w+)$" }, { "f(a(b)c)d", "%b()" }, { "THE (quick) fox", "%f[%a]%a+" },
      { "aXa bXb", "(%w)X%1" }, { "a.b", ".", 1, true }, { "abc", "()b()" }, { "abc", "" }, { "", "" },
      { "a\0b", "%z" }, { "]]", "[]]" }, { "a-z", "[a-]" }, { "x^y", "[x^]+" }, { "x", "[^%a]" }, { "10", "[%d]+" },
      { "abc", "b", -2 }, { "abc", "b", 9 }, { "abc", "c", -99 }, { "abc", "[a" }, { "abc", "%" }, { "abc", "(" },
      { "abc", "%1" }, { "abc", ")" }, { "abc", "%f" }, { "abc", "%b" }, { "abc", "%bx" }, { "abc", "(()" },
      { "abc", ("(a)"):rep(33) }, { "aaa", "a-" }, { "aaa", "a-$" }, { "aaa", "a?a?a?a" }, { 12345, 34 },
      { "abc", "^b" }, { "abc", "$" }, { "a$c", "a$c" }, { "\255\254", "[\254-\255]+" }, { "abc", "%%" },
      { "abc", "[%]" }, { "abc", "[]" }, { "abc", "[^]" }, { "abc", "(b" }, { "abc", "b)" }, { "abcabc", "(a)(b)(c)%3" },
    } do
      same("find", unpack(case))
      same("match", case[1], case[2], case[3])
      same("gmatch", case[1], case[2])
      same("gsub", case[1], case[2], "<%0>")
      same("gsub", case[1], case[2], "<%1>", 2)
      same("gsub", case[1], case[2], function(a, b) return b or a and #tostring(a) > 1 and a .. "!" end)
      same("gsub", case[1], case[2], { a = "A", abc = 1, b = false })
    end
    same("gsub", "abc", "b", "%9")
    same("gsub", "abc", "b", "%x")
    same("gsub", "abc", "b", "%")
    same("gsub", "abc", "b", {b = {}})
    same("gsub", "abc", "b", true)
    same("gsub", "abc", "b", "x", 0)
    same("gsub", "abc", "b", "x", -1)
    same("find", "abc")
    same("find", {}, "x")
  )lua";
  CHECK(run_beside(script.c_str()) == "");
}

TEST_CASE("random patterns give what LuaJIT's own give") {
  const std::string script = std::string(kSame) + R"lua(
    math.randomseed(1)
    local pieces = { "a", "b", ".", "%a", "%d", "%s", "%W", "[ab]", "[^a]", "[a-c%d]", "(", ")", "()", "*", "+", "-",
                     "?", "^", "$", "%b()", "%f[a]", "%f[^b]", "%1", "%2", "%", "[", "]", "%z", "c" }
    local letters = { "a", "b", "c", "(", ")", "1", " ", "\0", "-", "]" }
    local function text(of, most)
      local parts = {}
      for index = 1, math.random(0, most) do parts[index] = of[math.random(#of)] end
      return table.concat(parts)
    end
    for _ = 1, 30000 do
      local subject, pattern = text(letters, 12), text(pieces, 7)
      same("find", subject, pattern, math.random(-3, 14))
      same("match", subject, pattern)
      same("gmatch", subject, pattern)
      same("gsub", subject, pattern, "[%0]", math.random(0, 5))
    end
  )lua";
  CHECK(run_beside(script.c_str()) == "");
}

TEST_CASE("a pattern ends after so many steps, and says so") {
  test::ChunkVm vm;
  for (const char* source : {"return { ('a'):rep(40000):find(('.-'):rep(6) .. 'b') }",
                             "return ('a'):rep(99999):gsub(('a*'):rep(9) .. 'b', '')",
                             "for _ in ('a'):rep(99999):gmatch(('a+'):rep(5) .. 'b') do end",
                             "return (('x'):rep(50000)):match('[' .. ('ab'):rep(50000) .. ']')"}) {
    INFO(source);
    CHECK_THAT(vm.error(source), Catch::Contains("pattern too expensive: stopped after " +
                                                 std::to_string(kPatternSteps) + " steps"));
  }
  CHECK(vm.run("return ('a'):rep(1e6):gsub('a', 'b'):sub(1, 1)") == Value("b"));
}

}  // namespace
}  // namespace clade::vm
