#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>

#include <catch2/catch.hpp>

#include "base/codec.h"

using clade::check_json;
using clade::CodecLimits;
using clade::decode_json;
using clade::encode_json;
using clade::in_quotes;
using clade::is_utf8;
using clade::legible;
using clade::valid_utf8;
using clade::Value;
using namespace std::string_literals;

namespace {

// Returns the message.
std::string check_fails(const std::string& text, const std::string& code, const CodecLimits& limits = {}) {
  CAPTURE(text.substr(0, 40));
  const auto decoded = decode_json(text, limits);
  REQUIRE_FALSE(decoded);
  CHECK(decoded.error().code == code);
  return decoded.error().message;
}

const std::string kReplacement = "\xEF\xBF\xBD";

}  // namespace

TEST_CASE("foreign texts are made fit for a message", "[codec]") {
  CHECK(in_quotes("") == "\"\"");
  CHECK(in_quotes("a\n\x1b\xff\"") == "\"a\\n\\u001B" + kReplacement + "\\\"\"");
  std::string long_text;
  for (int i = 0; i < 60; ++i) long_text += "ü";
  CHECK(in_quotes(long_text) == "\"" + long_text + "\"");
  CHECK(in_quotes(long_text + "x") == "\"" + long_text + "…\"");
  CHECK(legible("r12.1") == "r12.1");
  CHECK(legible("skill:a.b") == "skill:a.b");
  CHECK(legible("m1/builder#2") == "m1/builder#2");
  for (const auto& [text, shown] : {std::pair{"", "\"\""}, {"a b", "\"a b\""}, {"t1,t2", "\"t1,t2\""}})
    CHECK(legible(text) == shown);
  CHECK(legible(std::string(61, 'x')) == in_quotes(std::string(61, 'x')));
}

TEST_CASE("JSON gives back what went in", "[codec]") {
  const Value value{{"a", Value(Value::Array{1, 2.5, "x\n\"\\\0"s, true, Value(), Value(Value::Array{})})},
                    {"ü", Value(Value::Map{})},
                    {"n", std::numeric_limits<int64_t>::min()}};
  CHECK(decode_json(encode_json(value)) == value);
  CHECK(decode_json(encode_json(value, true)) == value);
  CHECK(encode_json(value).find('\n') == std::string::npos);
  CHECK(encode_json(Value{{"b", 1}, {"a", Value(Value::Array{})}}) == R"({"a":[],"b":1})");
  CHECK(encode_json(Value{{"a", 1}}, true) == "{\n  \"a\": 1\n}");
}

TEST_CASE("reals survive JSON to the last bit", "[codec]") {
  std::mt19937_64 random(7);
  for (int round = 0; round < 20000; ++round) {
    const uint64_t bits = random();
    double number = 0;
    std::memcpy(&number, &bits, sizeof number);
    if (!std::isfinite(number)) continue;
    const auto decoded = decode_json(encode_json(number));
    REQUIRE(decoded);
    REQUIRE(decoded->as_real() == number);
  }
  CHECK(decode_json("0.1") == Value(0.1));
  CHECK(decode_json("5e-324") == Value(5e-324));
  CHECK(decode_json("1.7976931348623157e308") == Value(1.7976931348623157e308));
}

TEST_CASE("JSON numbers become what Lua would make of them", "[codec]") {
  CHECK(decode_json("1.0")->is_integer());
  CHECK(decode_json("1e3") == Value(1000));
  CHECK(decode_json("9223372036854775807") == Value(std::numeric_limits<int64_t>::max()));
  CHECK(decode_json("18446744073709551615") == Value(18446744073709551615.0));
  CHECK(decode_json("123456789012345678901234567890") == Value(123456789012345678901234567890.0));
}

TEST_CASE("half a pair of escapes in JSON is refused, whichever half", "[codec]") {
  for (const std::string text :
       {R"("\ud83d")", R"("\ude00")", R"({"\udfff": 1})", R"("\ude00\ud83d")", R"("\ud41d\udc00")"}) {
    CAPTURE(text);
    check_fails(text, "invalid");
  }
  CHECK(decode_json(R"("\ud83d\ude00\ud7ff\ue000")") == Value("\xf0\x9f\x98\x80\xed\x9f\xbf\xee\x80\x80"));
}

TEST_CASE("numbers in JSON are read to the last bit", "[codec]") {
  // Their first 20 digits round up to 2^64.
  CHECK(decode_json("1.84467440737095516155") == Value(1.84467440737095516155));
  CHECK(decode_json("-18446744073709551615.9e-19") == Value(-1.84467440737095516159));
  CHECK(decode_json("18446744073709551615") == Value(0x1p64));
  CHECK(decode_json("9223372036854775807") == Value(INT64_MAX));
  CHECK(decode_json("-9223372036854775808") == Value(INT64_MIN));
  CHECK(decode_json("-9223372036854775809") == Value(-0x1p63));
  CHECK(decode_json("0.1") == Value(0.1));
  CHECK(decode_json("5e-324") == Value(5e-324));
  CHECK(decode_json("-0") == Value(0));
}

TEST_CASE("a number in JSON that is too near to 0 is 0, one that is too large is refused", "[codec]") {
  for (const std::string text : {"1e-999", "-0.1e-999", "1e-99999999999999999999"}) {
    CAPTURE(text);
    CHECK(decode_json(text) == Value(0));
  }
  CHECK(decode_json("0." + std::string(400, '0') + "1") == Value(0));
  for (const std::string text : {"1e999", "[-1e+400]", "1e99999999999999999999", "0.1e310"}) {
    CAPTURE(text);
    check_fails(text, "invalid");
  }
}

TEST_CASE("what JSON cannot hold is replaced, and check_json names its place", "[codec]") {
  CHECK(encode_json(std::nan("")) == "null");
  CHECK(encode_json(std::numeric_limits<double>::infinity()) == "null");
  CHECK(encode_json("a\xff"s) == "\"a" + kReplacement + "\"");
  CHECK(check_json(Value{{"a", Value(Value::Array{1, "ok"})}}));

  Value deep;
  deep.set("a", Value(Value::Array{1, 2, Value{{"b", std::nan("")}}}));
  const auto status = check_json(deep);
  REQUIRE_FALSE(status);
  CHECK(status.error().code == "invalid");
  CHECK(status.error().message.find(".a[3].b") != std::string::npos);
  CHECK_FALSE(check_json("\xc0\x80"));
  CHECK_FALSE(check_json(Value{{"k\xff", 1}}));
}

TEST_CASE("malformed JSON is refused with line and column", "[codec]") {
  CHECK(check_fails("", "invalid").find("line 1, column 1") != std::string::npos);
  CHECK(check_fails("{\n  \"a\": 1,\n  nope\n}", "invalid").find("line 3, column 3") != std::string::npos);
  check_fails("[1,]", "invalid");
  check_fails("{\"a\":1} x", "invalid");
  check_fails("{'a':1}", "invalid");
  check_fails("// a\n1", "invalid");
  check_fails("NaN", "invalid");
  check_fails("1e999", "invalid");
  check_fails("\"\xff\"", "invalid");
  check_fails("\"\\ud800\"", "invalid");
  check_fails("\"unfinished", "invalid");
  check_fails("1\0 2"s, "invalid");
  check_fails("\0"s, "invalid");
  check_fails("[1]\0"s, "invalid");
}

TEST_CASE("a JSON key twice is refused at every depth", "[codec]") {
  CHECK(check_fails(R"({"a":1,"a":2})", "invalid").find("\"a\"") != std::string::npos);
  check_fails(R"([{"x":{"b":1,"c":2,"b":3}}])", "invalid");
  check_fails(R"({"a":1,"\u0061":2})", "invalid");
  CHECK(decode_json(R"({"a":{"a":1},"b":{"a":1}})"));
}

TEST_CASE("an error does not repeat a hostile key whole", "[codec]") {
  const std::string key(1000000, 'k');
  CHECK(check_fails("{\"" + key + "\":1,\"" + key + "\":2}", "invalid").size() < 300);
}

TEST_CASE("JSON past the limits is refused as such", "[codec]") {
  const auto nested = [](size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  CHECK(decode_json(nested(64)));
  check_fails(nested(65), "limit");
  check_fails(std::string(5000000, '['), "limit");
  check_fails("[1,2]", "limit", {4, 64});
  CHECK(decode_json("[1,2]", {5, 64}));
}

TEST_CASE("changed bytes of JSON never crash", "[codec]") {
  const std::string text = R"({"a":[1,-2.5e3,"x\u00fc",true,null],"b":{"c":""}})";
  for (size_t position = 0; position < text.size(); ++position) {
    for (int byte = 0; byte < 256; byte += 3) {
      std::string changed = text;
      changed[position] = static_cast<char>(byte);
      if (const auto decoded = decode_json(changed)) CHECK(decode_json(encode_json(*decoded)) == *decoded);
    }
    CHECK_FALSE(decode_json(std::string_view(text).substr(0, position)));
  }
}

TEST_CASE("only what RFC 3629 calls UTF-8 is kept", "[codec]") {
  const std::string good = "aé€😀\xf4\x8f\xbf\xbf";
  CHECK(valid_utf8(good) == good);
  CHECK(valid_utf8("") == "");
  CHECK(valid_utf8("\xc0\x80") == kReplacement + kReplacement);                     // overlong
  CHECK(valid_utf8("\xe0\x80\xaf") == kReplacement + kReplacement + kReplacement);  // overlong
  CHECK(valid_utf8("\xed\xa0\x80") == kReplacement + kReplacement + kReplacement);  // surrogate
  CHECK(valid_utf8("\xf4\x90\x80\x80").find(kReplacement) == 0);                    // past U+10FFFF
  CHECK(valid_utf8("a\xe2\x82") == "a" + kReplacement + kReplacement);              // cut off
  CHECK(valid_utf8("\x80z") == kReplacement + "z");
  // Wherever it stands: letters of ASCII are looked at eight at a time.
  for (size_t place = 0; place < 20; ++place) {
    std::string text(20, 'a');
    CHECK(is_utf8(text));
    text[place] = '\xff';
    CHECK_FALSE(is_utf8(text));
    CHECK(valid_utf8(text) == text.substr(0, place) + kReplacement + text.substr(place + 1));
  }
}
