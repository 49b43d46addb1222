#include "base/value.h"

#include <cmath>
#include <limits>

#include <catch2/catch.hpp>

using clade::Value;

TEST_CASE("integral reals become integers up to 2^53", "[value]") {
  CHECK(Value(3.0).is_integer());
  CHECK(Value(3.0) == Value(3));
  CHECK(Value(-0.0) == Value(0));
  CHECK(Value(9007199254740992.0).is_integer());
  CHECK_FALSE(Value(9007199254740994.0).is_integer());
  CHECK_FALSE(Value(1.5).is_integer());
  CHECK_FALSE(Value(std::numeric_limits<double>::infinity()).is_integer());
  CHECK_FALSE(Value(std::nan("")).is_integer());
  CHECK(Value(std::nan("")).is_number());
}

TEST_CASE("typed reads fall back instead of converting", "[value]") {
  CHECK(Value("7").as_integer(-1) == -1);
  CHECK(Value(7).as_real() == 7.0);
  CHECK(Value(7.5).as_integer(-1) == -1);
  CHECK(Value(1).as_bool(false) == false);
  CHECK(Value(7).as_string().empty());
  CHECK(Value("x").as_array().empty());
  CHECK(Value(Value::Array{1}).as_map().empty());
}

TEST_CASE("absent entries are nil, and a chain of them too", "[value]") {
  const Value value{{"a", Value{{"b", 1}}}};
  CHECK(value["a"]["b"] == Value(1));
  CHECK(value["x"]["y"].is_nil());
  CHECK(Value(3)["x"].is_nil());
  CHECK(value.has("a"));
  CHECK_FALSE(value.has("x"));
}

TEST_CASE("set and push turn nil into a map or an array and refuse other types", "[value]") {
  Value map;
  map.set("b", 2).set("a", 1).set("b", 3);
  CHECK(map == Value{{"a", 1}, {"b", 3}});
  Value array;
  array.push(1).push("two");
  CHECK(array == Value(Value::Array{1, "two"}));
  CHECK_THROWS_AS(array.set("a", 1), std::logic_error);
  CHECK_THROWS_AS(map.push(1), std::logic_error);
  CHECK_THROWS_AS(Value(1).push(1), std::logic_error);
}

TEST_CASE("a value names its type", "[value]") {
  CHECK(Value().type_name() == std::string("nil"));
  CHECK(Value(true).type_name() == std::string("boolean"));
  CHECK(Value(1).type_name() == std::string("number"));
  CHECK(Value(1.5).type_name() == std::string("number"));
  CHECK(Value("").type_name() == std::string("string"));
  CHECK(Value(Value::Array{}).type_name() == std::string("array"));
  CHECK(Value(Value::Map{}).type_name() == std::string("map"));
}
