#include "host/cell/vm/vm_fixture.h"

using Catch::Matchers::Contains;
using clade::Value;
using clade::test::ChunkVm;

namespace {

// The keys that a traversal gives, as text.
std::string keys(ChunkVm& vm, const std::string& table, const std::string& traversal = "pairs(t)") {
  auto value = vm.run("local t, seen = " + table + ", {} for key in " + traversal +
                      " do seen[#seen + 1] = tostring(key) end return table.concat(seen, ' ')");
  INFO((value ? "" : value.error().message));
  REQUIRE(value);
  return value->as_string();
}

}  // namespace

TEST_CASE("pairs and next go through numbers, strings and booleans in order") {
  ChunkVm vm;
  for (const char* traversal : {"pairs(t)", "next, t"}) {
    INFO(traversal);
    CHECK(keys(vm, "{ 5, 6, 7 }", traversal) == "1 2 3");
    CHECK(keys(vm, "{}", traversal).empty());
    CHECK(keys(vm, "{ b = 1, a = 1, ab = 1, B = 1, [''] = 1 }", traversal) == " B a ab b");
    CHECK(keys(vm, "{ [0] = 1, 5, 6, [-1] = 1, [2.5] = 1, [1e9] = 1 }", traversal) ==
          "-1 0 1 2 2.5 1000000000");
    CHECK(keys(vm, "{ [true] = 1, [false] = 1, x = 1, [1] = 1 }", traversal) == "1 x false true");
    CHECK(keys(vm, "{ 1, nil, 3 }", traversal) == "1 3");
    CHECK(keys(vm, "{ [1] = 1, [1e15] = 1, [30] = 1 }", traversal) == "1 30 1e+15");
    CHECK(keys(vm, "{ [3] = 1, [1] = 1, [2] = 1 }", traversal) == "1 2 3");
    CHECK(keys(vm, "{ ['a\\0b'] = 1, ['a\\0a'] = 1, ['a'] = 1 }", traversal).size() == 9);
  }
}

TEST_CASE("the order does not depend on how a table was filled") {
  ChunkVm vm;
  CHECK(vm.run(R"lua(
    local function listed(from, to, step)
      local t, seen = {}, {}
      for i = from, to, step do t["key" .. i] = i end
      for key, value in pairs(t) do seen[#seen + 1] = key .. "=" .. value end
      return table.concat(seen, " ")
    end
    return listed(1, 500, 1) == listed(500, 1, -1))lua") == Value(true));
}

TEST_CASE("next of an empty table, and after the last key, is one nil") {
  ChunkVm vm;
  CHECK(vm.run("return { select('#', next({})), select('#', next({ 1 }, 1)), select('#', next({ a = 1 }, "
               "'a')) }") == Value(Value::Array{1, 1, 1}));
}

TEST_CASE("a key may be removed or changed during the traversal") {
  ChunkVm vm;
  for (const char* traversal : {"pairs(t)", "next, t"}) {
    INFO(traversal);
    const std::string loop =
        std::string("local t = { a = 1, b = 2, c = 3, d = 4 } local seen = ''\nfor key in ") + traversal;
    CHECK(vm.run(loop + " do seen = seen .. key t[key] = nil end return { seen, tostring(next(t)) }") ==
          Value(Value::Array{"abcd", "nil"}));
    CHECK(vm.run(loop + " do seen = seen .. key t.c = nil t.d = 5 end return seen") == Value("abd"));
  }
  CHECK(
      vm.run("local t = { a = 1, b = 2, c = 3 } local k = next(t) t.a = nil t.z = 1 return { next(t, k) }") ==
      Value(Value::Array{"b", 2}));
  CHECK(vm.run("local t = { 1, 2, 3 } local seen = 0 for i in pairs(t) do seen = seen + 1 t[i] = nil end "
               "return seen") == Value(3));
}

TEST_CASE("metatables do not disturb a traversal") {
  ChunkVm vm;
  CHECK(
      vm.run("local t = setmetatable({ a = 1 }, { __index = function() error('asked') end, __len = error })\n"
             "local n = 0 for _ in pairs(t) do n = n + 1 end return n") == Value(1));
}

TEST_CASE("keys without an order are refused") {
  ChunkVm vm;
  CHECK_THAT(vm.error("local t = { [{}] = 1 }\nfor _ in pairs(t) do end"),
             Contains("chunk:2: the table has a table as a key"));
  CHECK_THAT(vm.error("return next({ [print] = 1 })"), Contains("has a function as a key"));
  CHECK_THAT(vm.error("pairs(5)"),
             Contains("chunk:1: bad argument #1 to 'pairs' (table expected, got number)"));
  CHECK_THAT(vm.error("pairs()"), Contains("got no value"));
}
