#include "script/limits.h"

#include <string>

#include <catch2/catch.hpp>

#include "base/codec.h"
#include "script/grants.h"

using namespace clade::script;
using clade::Status;
using clade::Value;

namespace {

constexpr int64_t kSecondUs = 1000000;
constexpr int64_t kMinuteUs = 60 * kSecondUs;

const Value kNothing{Value::Map{}};

// One call that is let through if its one check passes.
Status one(Grants& grants, const std::string& capability, const std::string& subject, int64_t now_us,
           const Value& args = kNothing) {
  Call call(grants, args, now_us);
  auto status = call.check(capability, subject);
  if (status) call.keep();
  return status;
}

std::string message(const Status& status) {
  REQUIRE_FALSE(status);
  CHECK(status.error().code == "refused");
  return status.error().message;
}

Grants clerk(std::vector<GivenGrant> given) {
  return Grants("clerk", {"mail.send:**", "queue.add:*", "file.write:**"}, std::move(given));
}

}  // namespace

TEST_CASE("rates and sizes are read as they are written", "[limits]") {
  for (const char* text : {"1/s", "10/min", "100/h", "1000000/day"}) {
    auto rate = parse_rate(text);
    REQUIRE(rate);
    CHECK(rate_text(*rate) == text);
  }
  CHECK(parse_rate("10/min")->period_us == kMinuteUs);
  CHECK(parse_rate("1/day")->period_us == 24 * 60 * kMinuteUs);
  for (const char* text : {"1 B", "1000 B", "64 KB", "1 MB", "128 MB"}) {
    auto size = parse_size(text);
    REQUIRE(size);
    CHECK(size_text(*size) == text);
  }
  CHECK(*parse_size("512") == 512);
  CHECK(*parse_size("64KB") == 65536);
  CHECK(size_text(*parse_size("2048 B")) == "2 KB");
  for (const char* text : {"", "/s", "s", "1/", "1", "1 / s", "+1/s", "1/s ", "1/m"})
    CHECK_FALSE(parse_rate(text));
  for (const char* text : {"", "KB", "-1", "1 GB", "1 KB ", "0 MB", "134217729"})
    CHECK_FALSE(parse_size(text));
  CHECK(grant_text({"cell.eval", Rate{1, kSecondUs}, 1024}) == "cell.eval (rate 1/s, size 1 KB)");
  CHECK(grant_text({"cell.eval"}) == "cell.eval");
}

TEST_CASE("a wait is rounded up", "[limits]") {
  CHECK(wait_text(1) == "1 ms");
  CHECK(wait_text(kSecondUs) == "1 s");
  CHECK(wait_text(kSecondUs + 1) == "2 s");
  CHECK(wait_text(2 * kMinuteUs + 1) == "3 min");
  CHECK(wait_text(120 * kMinuteUs + 1) == "3 h");
}

TEST_CASE("a bucket is full at first and loses no part of a token", "[limits]") {
  Bucket bucket(Rate{3, kMinuteUs});
  for (int i = 0; i < 3; ++i) CHECK(bucket.take(0));
  CHECK_FALSE(bucket.take(0));
  CHECK(bucket.wait_us(0) == 20 * kSecondUs);
  // Looked at every second, which is no whole part of a token.
  for (int64_t second = 1; second < 20; ++second) CHECK_FALSE(bucket.take(second * kSecondUs));
  CHECK(bucket.wait_us(20 * kSecondUs) == 0);
  CHECK(bucket.take(20 * kSecondUs));
  CHECK_FALSE(bucket.take(20 * kSecondUs));
  bucket.give_back();
  CHECK(bucket.take(20 * kSecondUs));
  // However long it is left alone, it holds no more than its rate.
  const int64_t year = 365 * 24 * 60 * kMinuteUs;
  for (int i = 0; i < 3; ++i) CHECK(bucket.take(year));
  CHECK_FALSE(bucket.take(year));
}

TEST_CASE("the fullest bucket there can be is counted right", "[limits]") {
  Bucket bucket(Rate{1000000, 24 * 60 * kMinuteUs});
  const int64_t late = int64_t{200} * 365 * 24 * 60 * kMinuteUs;
  for (int i = 0; i < 1000000; ++i) {
    if (!bucket.take(late)) FAIL("token " << i);
  }
  CHECK_FALSE(bucket.take(late));
  CHECK(bucket.wait_us(late) == 86400);
}

TEST_CASE("a call beyond the rate is refused, with the entry and when the next may come", "[limits]") {
  Grants grants = clerk({{"mail.send:role:*", Rate{10, kMinuteUs}}});
  for (int i = 0; i < 10; ++i) CHECK(one(grants, "mail.send", "role:x", 0));
  CHECK(message(one(grants, "mail.send", "role:x", 2 * kSecondUs)) ==
        "agent \"clerk\" may not mail.send:role:x now: the grant \"mail.send:role:*\" in swarm.yaml has rate "
        "10/min, and these are used up; next in 4 s: wait with clade.sleep, or raise the rate there");
  CHECK(one(grants, "mail.send", "role:x", 6 * kSecondUs));
  CHECK_FALSE(one(grants, "mail.send", "role:x", 6 * kSecondUs));
  // A missing grant is no matter of time.
  CHECK(message(one(grants, "queue.add", "x", 0)).find("swarm.yaml does not give it") != std::string::npos);
}

TEST_CASE("a call larger than the size is refused, with both figures", "[limits]") {
  Grants grants = clerk({{"file.write:report/*", std::nullopt, 64}});
  const Value small{{"path", "report/x"}, {"text", std::string(20, 'x')}};
  Value exact = small;
  exact.set("text",
            std::string(20 + 64 - clade::encode_msgpack(small).size() - 1, 'x'));  // str 8 has one more
  REQUIRE(clade::encode_msgpack(exact).size() == 64);
  Value large = exact;
  large.set("text", exact["text"].as_string() + "x");
  CHECK(one(grants, "file.write", "report/x", 0, small));
  CHECK(one(grants, "file.write", "report/x", 0, exact));
  CHECK(
      message(one(grants, "file.write", "report/x", 0, large)) ==
      "agent \"clerk\" may not file.write:report/x: the grant \"file.write:report/*\" in swarm.yaml has size "
      "64 B, and this call takes 65 bytes: make the call smaller, or raise the size there");
}

TEST_CASE("of several entries any one that has room lets a call pass", "[limits]") {
  const Rate once{1, kMinuteUs};
  const Value large{{"body", std::string(100, 'x')}};
  SECTION("one without a rate first: it costs nothing") {
    Grants grants = clerk({{"mail.send:**", once}, {"mail.send:role:*", std::nullopt, 64}});
    for (int i = 0; i < 3; ++i) CHECK(one(grants, "mail.send", "role:x", 0));
    CHECK(one(grants, "mail.send", "role:x", 0, large));  // the token is still there
    CHECK(
        message(one(grants, "mail.send", "role:x", 0, large)) ==
        "agent \"clerk\" may not mail.send:role:x now: the grant \"mail.send:role:*\" in swarm.yaml has size "
        "64 B, and this call takes " +
            std::to_string(clade::encode_msgpack(large).size()) +
            " bytes; the grant \"mail.send:**\" in swarm.yaml has rate 1/min, and these are used up; next in "
            "60 "
            "s: wait with clade.sleep, or raise the rate there");
  }
  SECTION("of those with rates one alone pays") {
    Grants grants = clerk({{"mail.send:role:*", once}, {"mail.send:**", once}});
    CHECK(one(grants, "mail.send", "role:x", 0));
    CHECK(one(grants, "mail.send", "role:x", 0));
    CHECK_FALSE(one(grants, "mail.send", "role:x", 0));
  }
}

TEST_CASE("a call that is not let through gives its tokens back", "[limits]") {
  Grants grants = clerk({{"queue.add:*", Rate{3, kMinuteUs}}});
  {
    Call call(grants, kNothing, 0);
    for (int i = 0; i < 3; ++i) CHECK(call.check("queue.add", "x"));
    CHECK(message(call.check("queue.add", "x")) ==
          "agent \"clerk\" may not queue.add:x now: the grant \"queue.add:*\" in swarm.yaml has rate 3/min, "
          "and "
          "this call alone needs more: split it, or raise the rate there");
  }
  Call call(grants, kNothing, 0);
  for (int i = 0; i < 3; ++i) CHECK(call.check("queue.add", "x"));
  CHECK(call.is_metered());
}

TEST_CASE("waived limits neither refuse nor cost, a missing grant still refuses", "[limits]") {
  Grants grants = clerk({{"mail.send:**", Rate{1, kMinuteUs}, 8}});
  const Value large{{"body", std::string(100, 'x')}};
  {
    Call call(grants, large, 0);
    call.waive_limits();
    CHECK(call.check("mail.send", "all"));
    CHECK(call.check("mail.send", "all"));
    CHECK_FALSE(call.check("queue.add", "x"));
    CHECK_FALSE(call.is_metered());
    call.keep();
  }
  CHECK(one(grants, "mail.send", "all", 0));
}

TEST_CASE("what is asked for anew fills no bucket", "[limits]") {
  Grants grants = clerk({{"mail.send:**", Rate{1, kMinuteUs}}});
  CHECK(one(grants, "mail.send", "all", 0));
  grants.ask({"mail.send:*"});
  CHECK_FALSE(one(grants, "mail.send", "all", 0));
  grants.ask({});
  CHECK(message(one(grants, "mail.send", "all", kMinuteUs)).find("does not ask for it") != std::string::npos);
}
