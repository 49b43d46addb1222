#include "sim/trace.h"

#include <cstdio>

#include "sim/random.h"

namespace sim {

void Trace::line(int64_t now_us, std::string_view text) {
  hash_ = mix(mix(hash_, static_cast<uint64_t>(now_us)), text);
  if (!print_) return;
  std::printf("%12.3f ms  %.*s\n", static_cast<double>(now_us) / 1000, static_cast<int>(text.size()),
              text.data());
}

void Trace::note(std::string_view text) {
  hash_ = mix(hash_, text);
  if (print_) std::printf("%15s  %.*s\n", "", static_cast<int>(text.size()), text.data());
}

void Trace::number(uint64_t value) {
  hash_ = mix(hash_, value);
}

}  // namespace sim
