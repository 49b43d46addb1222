#include "script/limits.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <vector>

#include "script/nearest.h"

namespace clade::script {
namespace {

constexpr int64_t kHighestRate = 1000000;
constexpr int64_t kSecondUs = 1000000;

struct Unit {
  std::string_view name;
  int64_t value;
};

constexpr std::array<Unit, 4> kPeriods = {
    {{"s", kSecondUs}, {"min", 60 * kSecondUs}, {"h", 3600 * kSecondUs}, {"day", 86400 * kSecondUs}}};
constexpr std::array<Unit, 3> kSizes = {{{"B", 1}, {"KB", 1024}, {"MB", 1024 * 1024}}};

constexpr std::array<Unit, 3> kSpans = {{{"min", 60000}, {"h", 3600000}, {"d", 86400000}}};
constexpr int64_t kLongestSpanMs = int64_t{36525} * 86400000;

template <size_t count>
const Unit* find_unit(const std::array<Unit, count>& units, std::string_view name) {
  const auto* found =
      std::find_if(units.begin(), units.end(), [&](const Unit& unit) { return unit.name == name; });
  return found == units.end() ? nullptr : found;
}

// The whole number that a text begins with, which is taken off it; -1 if there is none or it is too large.
int64_t take_number(std::string_view& text) {
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  int64_t number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + digits, number);
  if (digits == 0 || error != std::errc()) return -1;
  text.remove_prefix(digits);
  return number;
}

int64_t rounded_up(int64_t amount, int64_t unit) {
  return (amount + unit - 1) / unit;
}

}  // namespace

Result<Rate> parse_rate(const std::string& text) {
  std::string_view rest = text;
  const int64_t calls = take_number(rest);
  std::string hint;
  if (rest.starts_with('/')) {
    rest.remove_prefix(1);
    const Unit* period = find_unit(kPeriods, rest);
    if (period && calls >= 1 && calls <= kHighestRate) return Rate{calls, period->value};
    if (!period) hint = did_you_mean(rest, {"s", "min", "h", "day"});
  }
  return failure("invalid", "\"" + text + "\" is no rate" + hint + ": write a whole number from 1 to " +
                                std::to_string(kHighestRate) +
                                ", \"/\" and s, min, h or day, like \"10/min\"");
}

Result<int64_t> parse_size(const std::string& text) {
  std::string_view rest = text;
  const int64_t number = take_number(rest);
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  const Unit* unit = rest.empty() ? &kSizes[0] : find_unit(kSizes, rest);
  const bool fits = unit && number >= 1 && number <= kLargestSize / unit->value;
  if (fits) return number * unit->value;
  return failure("invalid", "\"" + text + "\" is no size: write a whole number and B, KB or MB, " +
                                "from 1 B to " + size_text(kLargestSize) + ", like \"64 KB\"");
}

Result<int64_t> parse_span(const std::string& text) {
  if (text == "forever") return INT64_MAX;
  std::string_view rest = text;
  const int64_t number = take_number(rest);
  const Unit* unit = find_unit(kSpans, rest);
  if (unit && number >= 1 && number <= kLongestSpanMs / unit->value) return number * unit->value;
  return failure("invalid", "\"" + text +
                                "\" is no span: write a whole number and min, h or d, like \"30d\", or "
                                "\"forever\"");
}

std::string rate_text(const Rate& rate) {
  for (const auto& unit : kPeriods) {
    if (unit.value == rate.period_us) return std::to_string(rate.calls) + "/" + std::string(unit.name);
  }
  return std::to_string(rate.calls) + "/" + std::to_string(rate.period_us) + " us";
}

std::string size_text(int64_t bytes) {
  const Unit* fits = &kSizes[0];
  for (const auto& unit : kSizes) {
    if (bytes % unit.value == 0) fits = &unit;
  }
  return std::to_string(bytes / fits->value) + " " + std::string(fits->name);
}

std::string grant_text(const GivenGrant& given) {
  std::string limits;
  if (given.rate) limits = "rate " + rate_text(*given.rate);
  if (given.size) limits += (limits.empty() ? "" : ", ") + ("size " + size_text(*given.size));
  return given.grant + (limits.empty() ? "" : " (" + limits + ")");
}

std::string wait_text(int64_t wait_us) {
  if (wait_us < kSecondUs) return std::to_string(rounded_up(wait_us, 1000)) + " ms";
  if (wait_us < 120 * kSecondUs) return std::to_string(rounded_up(wait_us, kSecondUs)) + " s";
  if (wait_us < 7200 * kSecondUs) return std::to_string(rounded_up(wait_us, 60 * kSecondUs)) + " min";
  return std::to_string(rounded_up(wait_us, 3600 * kSecondUs)) + " h";
}

Bucket::Bucket(const Rate& rate) : rate_(rate), level_(rate.calls * rate.period_us) {}

bool Bucket::take(int64_t now_us) {
  fill(now_us);
  if (level_ < rate_.period_us) return false;
  level_ -= rate_.period_us;
  return true;
}

void Bucket::give_back() {
  level_ = std::min(level_ + rate_.period_us, rate_.calls * rate_.period_us);
}

int64_t Bucket::wait_us(int64_t now_us) {
  fill(now_us);
  return level_ >= rate_.period_us ? 0 : rounded_up(rate_.period_us - level_, rate_.calls);
}

void Bucket::fill(int64_t now_us) {
  // A period fills it from empty; more would overflow.
  const int64_t elapsed = std::clamp<int64_t>(now_us - filled_at_us_, 0, rate_.period_us);
  level_ = std::min(level_ + elapsed * rate_.calls, rate_.calls * rate_.period_us);
  filled_at_us_ = std::max(filled_at_us_, now_us);
}

}  // namespace clade::script
