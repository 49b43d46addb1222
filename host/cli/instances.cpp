#include "cli/instances.h"

#include <charconv>
#include <cmath>
#include <optional>
#include <vector>

namespace clade::cli {
namespace {

constexpr int64_t kCapacity = 100000;
constexpr int64_t kItems = 1000000;

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == separator) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

std::optional<int64_t> whole(const std::string& text, int64_t high) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 1 || number > high)
    return std::nullopt;
  return number;
}

bool positive(const std::string& text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && std::isfinite(number) && number > 0;
}

}  // namespace

Status check_instances(const std::string& specification) {
  const auto wrong = [&](const std::string& what) -> Status {
    return failure("usage",
                   "--instances " + specification + ": " + what +
                       "; write weibull:SHAPE:SCALE:CAPACITY[:ITEMS] (e.g. weibull:3:45:100:5000) or "
                       "uniform:LOW-HIGH:CAPACITY[:ITEMS] (e.g. uniform:20-100:150)");
  };
  const auto parts = split(specification, ':');
  const bool weibull = parts[0] == "weibull";
  if (!weibull && parts[0] != "uniform") return wrong("unknown distribution " + parts[0]);
  const size_t capacity_at = weibull ? 3 : 2;
  if (parts.size() < capacity_at + 1 || parts.size() > capacity_at + 2) return wrong("wrong number of parts");
  const auto capacity = whole(parts[capacity_at], kCapacity);
  if (!capacity) return wrong("the capacity " + parts[capacity_at] + " is no whole number from 1 to 100000");
  if (weibull) {
    if (!positive(parts[1])) return wrong("the shape " + parts[1] + " is no positive number");
    if (!positive(parts[2])) return wrong("the scale " + parts[2] + " is no positive number");
  } else {
    const auto bounds = split(parts[1], '-');
    const auto low = whole(bounds[0], *capacity);
    const auto high = bounds.size() == 2 ? whole(bounds[1], *capacity) : std::nullopt;
    if (!low || !high || *low > *high) {
      return wrong("the sizes " + parts[1] + " are no LOW-HIGH with 1 ≤ LOW ≤ HIGH ≤ capacity");
    }
  }
  if (parts.size() == capacity_at + 2 && !whole(parts.back(), kItems)) {
    return wrong("the number of items " + parts.back() + " is no whole number from 1 to 1000000");
  }
  return {};
}

}  // namespace clade::cli
