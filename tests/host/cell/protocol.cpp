#include "cell/protocol.h"

#include <catch2/catch.hpp>

namespace clade::cell {
namespace {

std::string frame(const Value& value) {
  std::string bytes;
  REQUIRE(append_frame(bytes, value));
  return bytes;
}

std::string with_length(const std::string& body, size_t length) {
  std::string bytes;
  for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<char>(length >> (8 * i) & 0xFF));
  return bytes + body;
}

TEST_CASE("frames come out as they went in, however the bytes are cut") {
  const Value first{{"t", "one"}, {"n", 1}};
  const Value second{{"t", "two"}, {"list", Value::Array{1, "x", 2.5}}};
  const std::string bytes = frame(first) + frame(second);
  for (size_t step = 1; step <= bytes.size(); ++step) {
    FrameReader reader;
    std::vector<Value> seen;
    for (size_t at = 0; at < bytes.size(); at += step) {
      reader.feed(std::string_view(bytes).substr(at, step));
      for (;;) {
        auto next = reader.next();
        REQUIRE(next);
        if (next->is_nil()) break;
        seen.push_back(*next);
      }
    }
    REQUIRE(seen == std::vector<Value>{first, second});
  }
}

TEST_CASE("a frame that is too large is refused before it is sent") {
  std::string bytes;
  auto status = append_frame(bytes, {{"t", "x"}, {"text", std::string(kFrameBytes, 'x')}});
  REQUIRE_FALSE(status);
  CHECK(status.error().code == "limit");
  CHECK(bytes.empty());
}

TEST_CASE("a length beyond the limit is refused before the bytes come") {
  FrameReader reader;
  reader.feed(with_length("", kFrameBytes + 1));
  auto next = reader.next();
  REQUIRE_FALSE(next);
  CHECK(next.error().code == "limit");
}

TEST_CASE("bytes that are no frame are refused") {
  const std::string bodies[] = {"", "\xc1", "\x93\x01", "\x2a", "\x93\x01\x02\x03", "\xa1x"};
  for (const auto& body : bodies) {
    FrameReader reader;
    reader.feed(with_length(body, body.size()));
    CHECK_FALSE(reader.next());
  }
}

TEST_CASE("nesting and the number of values are bounded") {
  // {"t": [[[…]]]}
  const auto nested = [](size_t depth) {
    const std::string body = "\x81\xa1t" + std::string(depth - 1, '\x91') + "\x01";
    return with_length(body, body.size());
  };
  FrameReader flat(65);
  flat.feed(nested(65));
  CHECK(flat.next());
  FrameReader deep(65);
  deep.feed(nested(66));
  CHECK_FALSE(deep.next());

  // One-byte values take far more memory, and time, than they have bytes.
  std::string many = "\x81\xa1t\xdd";
  const uint32_t count = 2u << 20;
  for (int i = 3; i >= 0; --i) many.push_back(static_cast<char>(count >> (8 * i) & 0xFF));
  many.append(count, '\x01');
  FrameReader counted;
  counted.feed(with_length(many, many.size()));
  auto next = counted.next();
  REQUIRE_FALSE(next);
  CHECK(next.error().code == "limit");
}

}  // namespace
}  // namespace clade::cell
