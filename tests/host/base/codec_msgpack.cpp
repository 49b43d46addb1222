#include <cmath>
#include <limits>
#include <string>

#include <catch2/catch.hpp>

#include "base/codec.h"

using clade::CodecLimits;
using clade::decode_msgpack;
using clade::encode_msgpack;
using clade::Value;
using namespace std::string_literals;

namespace {

Value sample() {
  Value value;
  value.set("nil", Value());
  value.set("bool", true);
  value.set("small", -1);
  value.set("large", std::numeric_limits<int64_t>::min());
  value.set("largest", std::numeric_limits<int64_t>::max());
  value.set("real", 0.1);
  value.set("infinite", -std::numeric_limits<double>::infinity());
  value.set("bytes", "a\0\xff z"s);
  value.set("array", Value(Value::Array{1, "two", Value(Value::Array{}), Value(Value::Map{})}));
  value.set("", Value{{"empty key", false}});
  return value;
}

void check_fails(const std::string& bytes, const std::string& code, const CodecLimits& limits = {}) {
  CAPTURE(bytes.substr(0, 40));
  const auto decoded = decode_msgpack(bytes, limits);
  REQUIRE_FALSE(decoded);
  CHECK(decoded.error().code == code);
  CHECK_FALSE(decoded.error().message.empty());
}

}  // namespace

TEST_CASE("MessagePack gives back what went in", "[codec]") {
  const auto decoded = decode_msgpack(encode_msgpack(sample()));
  REQUIRE(decoded);
  CHECK(*decoded == sample());
  const auto nan = decode_msgpack(encode_msgpack(std::nan("")));
  REQUIRE(nan);
  CHECK(std::isnan(nan->as_real()));
}

TEST_CASE("equal values have equal MessagePack bytes whatever their making", "[codec]") {
  Value one;
  one.set("b", 2).set("a", 3.0).set("c", Value(Value::Array{1}));
  Value two;
  two.set("c", Value(Value::Array{1.0})).set("a", 3).set("b", 1).set("b", 2);
  CHECK(encode_msgpack(one) == encode_msgpack(two));
  // Longer forms of the same number, and a map in another order, come back as the same canonical bytes.
  const auto other = decode_msgpack(
      "\x82\xa1"
      "b\xcd\x00\x02\xa1"
      "a\xcb\x40\x08\x00\x00\x00\x00\x00\x00"s);
  REQUIRE(other);
  CHECK(encode_msgpack(*other) == encode_msgpack(Value{{"a", 3}, {"b", 2}}));
}

TEST_CASE("MessagePack of another kind of peer is read", "[codec]") {
  CHECK(decode_msgpack("\xca\x3f\x00\x00\x00"s) == Value(0.5));      // 32-bit real
  CHECK(decode_msgpack("\xc4\x02\x00\xff"s) == Value("\x00\xff"s));  // bin
  CHECK(decode_msgpack("\xcf\xff\xff\xff\xff\xff\xff\xff\xff"s) == Value(18446744073709551615.0));
  CHECK(decode_msgpack("\xd9\x01x"s) == Value("x"));
}

// 2^64 is the one whole number that the library took for an integer of 64 bits.
TEST_CASE("a real that is too large for an integer stays a real in MessagePack", "[codec]") {
  CHECK(encode_msgpack(0x1p64) == "\xcb\x43\xf0\x00\x00\x00\x00\x00\x00"s);
  CHECK(decode_msgpack(encode_msgpack(0x1p64)) == Value(0x1p64));
  CHECK(decode_msgpack(encode_msgpack(-0x1p64)) == Value(-0x1p64));
  CHECK(decode_msgpack(encode_msgpack(0x1p63)) == Value(0x1p63));
}

TEST_CASE("malformed MessagePack is refused", "[codec]") {
  check_fails("", "invalid");
  check_fails("\xc1", "invalid");      // never used
  check_fails("\xcd\x01", "invalid");  // number cut off
  check_fails(
      "\xa5"
      "abc",
      "invalid");                           // string cut off
  check_fails("\x92\x01", "invalid");       // array cut off
  check_fails("\x01\x02", "invalid");       // bytes behind
  check_fails("\xd4\x01\x00"s, "invalid");  // extension
  check_fails("\x81\x01\x02", "invalid");   // key that is a number
  check_fails("\x81\xc0\x02", "invalid");   // key that is nil
  check_fails(
      "\x81\xc4\x01"
      "a\x02",
      "invalid");                          // key that is binary
  check_fails("\x81\x90\x02", "invalid");  // key that is an array
  check_fails("\x81\x80\x02", "invalid");  // key that is a map
  check_fails(
      "\x82\xa1"
      "a\x01\xa1"
      "a\x02",
      "invalid");  // key twice
  check_fails(
      "\x81\xa1"
      "a\x82\xa1"
      "b\x01\xa1"
      "b\x01",
      "invalid");
}

TEST_CASE("every prefix of valid MessagePack is refused", "[codec]") {
  const std::string bytes = encode_msgpack(sample());
  for (size_t size = 0; size < bytes.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(decode_msgpack(std::string_view(bytes).substr(0, size)));
  }
}

TEST_CASE("changed bytes of MessagePack never crash, and what decodes encodes again", "[codec]") {
  const std::string bytes = encode_msgpack(sample());
  for (size_t position = 0; position < bytes.size(); ++position) {
    for (int byte = 0; byte < 256; byte += 5) {
      std::string changed = bytes;
      changed[position] = static_cast<char>(byte);
      if (const auto decoded = decode_msgpack(changed)) {
        CHECK(decode_msgpack(encode_msgpack(*decoded)).has_value());
      }
    }
  }
}

TEST_CASE("a huge declared length allocates nothing", "[codec]") {
  // Four gigabytes of text, of elements and of pairs, in six bytes; nested, so that a reservation would
  // multiply.
  check_fails(
      "\xdb\xff\xff\xff\xff"
      "x",
      "invalid");
  check_fails("\xdd\xff\xff\xff\xff\x01", "invalid");
  check_fails("\xdf\xff\xff\xff\xff\xa1", "invalid");
  std::string nested;
  for (int level = 0; level < 60; ++level) nested += "\xdd\xff\xff\xff\xff";
  check_fails(nested, "invalid");
}

TEST_CASE("MessagePack past the limits is refused as such", "[codec]") {
  const auto nested = [](size_t depth) { return std::string(depth, '\x91') + "\x01"; };
  CHECK(decode_msgpack(nested(64)));
  check_fails(nested(65), "limit");
  check_fails(nested(1000000), "limit");
  std::string maps;
  for (int level = 0; level < 65; ++level) maps += "\x81\xa1k";
  check_fails(maps + "\x01", "limit");
  check_fails(nested(3), "limit", {16u << 20, 2});
  check_fails("\x93\x01\x02\x03", "limit", {3, 64});
  CHECK(decode_msgpack("\x92\x01\x02", {3, 64}));
}
