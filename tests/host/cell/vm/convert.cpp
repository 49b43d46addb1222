#include "cell/vm/convert.h"

#include <cmath>
#include <limits>

#include "host/cell/vm/vm_fixture.h"

using Catch::Matchers::Contains;
using clade::Value;
using clade::test::ChunkVm;

TEST_CASE("plain data leaves a VM as it is") {
  ChunkVm vm;
  CHECK(vm.run("return nil")->is_nil());
  CHECK(vm.run("return true") == Value(true));
  CHECK(vm.run("return 3")->is_integer());
  CHECK(vm.run("return 2^53")->is_integer());
  CHECK(vm.run("return 0.5") == Value(0.5));
  CHECK(std::isnan(vm.run("return 0/0")->as_real()));
  CHECK(std::isinf(vm.run("return -1/0")->as_real()));
  CHECK(vm.run("return 'a\\0b'") == Value(std::string("a\0b", 3)));
  CHECK(vm.run("return {}") == Value(Value::Map()));
  CHECK(vm.run("return { 1, { 2 }, 'x' }") == Value(Value::Array{1, Value::Array{2}, "x"}));
  CHECK(vm.run("return { a = { b = { 1 } } }") == Value{{"a", Value{{"b", Value::Array{1}}}}});
  CHECK(vm.run("local t = { 1 } return { t, t }") == Value(Value::Array{Value::Array{1}, Value::Array{1}}));
}

TEST_CASE("plain data comes into a VM as it is") {
  ChunkVm vm;
  const Value value{{"list", Value::Array{1, 0.5, true, "x", Value::Map()}},
                    {"text", std::string("a\0b", 3)}};
  const clade::vm::Slice slice;
  REQUIRE(vm.vm().call("compile", {"return { same = function(x) return x end }", "chunk", Value()}));
  auto result = vm.vm().call("run", {"same", Value(Value::Array{value}), 1});
  REQUIRE(result);
  CHECK(result->front() == value);
}

TEST_CASE("what is no plain data is refused by its path") {
  ChunkVm vm;
  CHECK_THAT(vm.error("return print"), Contains("the value is a function"));
  CHECK_THAT(vm.error("return { a = { 1, { b = coroutine.create(print) } } }"),
             Contains("the value.a[2].b is a thread"));
  CHECK_THAT(vm.error("return { 1, 2, x = 3 }"), Contains("the value has elements 1 … 2 and the key \"x\""));
  CHECK_THAT(vm.error("return { deep = { [1] = 1, [3] = 1 } }"), Contains("the value.deep has the key 3"));
  CHECK_THAT(vm.error("return { [0] = 1, 5 }"), Contains("the value has the key 0"));
  CHECK_THAT(vm.error("return { [2.5] = 1 }"), Contains("the value has the key 2.5"));
  CHECK_THAT(vm.error("return { [true] = 1 }"), Contains("the key of type boolean"));
  CHECK_THAT(vm.error("return { [{}] = 1 }"), Contains("the key of type table"));
  CHECK_THAT(vm.error("local t = {} t.a = { t } return t"),
             Contains("the value.a[1] refers to a table that it is part of"));
  CHECK_THAT(vm.error("local t = {} for i = 1, 64 do t = { t } end return t"),
             Contains("deeper than 64 levels"));
  CHECK(vm.run("local t = {} for i = 1, 63 do t = { t } end return t"));
}

TEST_CASE("what is too large is refused before it takes memory") {
  ChunkVm vm(64u << 20);
  CHECK_THAT(vm.error("local t = { 1, 2 } for i = 1, 40 do t = { t, t } end return t"),
             Contains("is too large"));
  CHECK_THAT(vm.error("local s = ('x'):rep(1e6) local t = {} for i = 1, 17 do t[i] = s end return t"),
             Contains("is too large"));
}

TEST_CASE("metatables are not asked") {
  ChunkVm vm;
  CHECK(vm.run("return setmetatable({ a = 1 }, { __index = error, __pairs = error, __len = error })") ==
        Value{{"a", 1}});
}
