// Limits that swarm.yaml sets to a grant it gives: `rate`, how often ("10/min"), and `size`, how much at once
// ("64 KB"). What they count is said in grants.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"

namespace clade::script {

// The largest size that a limit may state, in bytes: all calls of a run together get no more.
inline constexpr int64_t kLargestSize = int64_t{128} << 20;

struct Rate {
  int64_t calls = 1;      // 1 to 1,000,000
  int64_t period_us = 1;  // a second, minute, hour or day

  bool operator==(const Rate&) const = default;
};

// An entry of `grants` in swarm.yaml.
struct GivenGrant {
  std::string grant;  // "capability:pattern", see grants.h
  std::optional<Rate> rate = {};
  std::optional<int64_t> size = {};  // bytes

  bool operator==(const GivenGrant&) const = default;
};

// "10/min": a whole number and s, min, h or day. Errors: "invalid", says what fits.
Result<Rate> parse_rate(const std::string& text);
// "64 KB": a whole number of B, KB or MB (powers of two), of bytes without a unit; 1 byte to 128 MB. Errors:
// "invalid", says what fits.
Result<int64_t> parse_size(const std::string& text);
// "30d": a whole number and min, h or d, 1 minute to 100 years, in ms; "forever" is INT64_MAX. Errors:
// "invalid", says what fits.
Result<int64_t> parse_span(const std::string& text);
// As they are written in swarm.yaml: "10/min", "64 KB".
std::string rate_text(const Rate& rate);
std::string size_text(int64_t bytes);
// "mail.send:role:* (rate 10/min, size 64 KB)".
std::string grant_text(const GivenGrant& given);
// How long to wait, rounded up: "250 ms", "4 s", "3 min", "2 h".
std::string wait_text(int64_t wait_us);

// A token bucket: holds as many tokens as its rate has calls, and is full at first; one comes in every period
// / calls. Times are those of Clock::steady_us. Counts in whole numbers, so that nothing is lost to rounding.
class Bucket {
 public:
  explicit Bucket(const Rate& rate);
  // Takes a token; false if there is none.
  bool take(int64_t now_us);
  // Puts back the last token taken, as if it had not been.
  void give_back();
  // How long until there is a token; 0 if there is one.
  int64_t wait_us(int64_t now_us);

 private:
  void fill(int64_t now_us);

  Rate rate_;
  int64_t level_;  // in parts of a token, of which period_us make one
  int64_t filled_at_us_ = 0;
};

}  // namespace clade::script
