// What the fuzz targets share: the bytes of one input as a script, and how a finding is told.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

namespace clade::fuzz {

// Ends the process with what is wrong: libFuzzer keeps the input.
[[noreturn]] inline void found(const std::string& what) {
  std::cerr << "== FOUND: " << what << std::endl;
  std::abort();
}

// A promise that the input must not break.
inline void promise(bool kept, const char* what) {
  if (!kept) found(what);
}

// The bytes of an input, taken from the front. Behind the end come zeros and empty texts.
class Input {
 public:
  Input(const uint8_t* bytes, size_t size) : rest_(reinterpret_cast<const char*>(bytes), size) {}

  bool empty() const { return rest_.empty(); }
  uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto first = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return first;
  }
  // A text of up to 255 bytes, its length first.
  std::string_view text() { return take(byte()); }
  std::string_view rest() { return take(rest_.size()); }

 private:
  std::string_view take(size_t size) {
    const std::string_view taken = rest_.substr(0, std::min(size, rest_.size()));
    rest_.remove_prefix(taken.size());
    return taken;
  }

  std::string_view rest_;
};

}  // namespace clade::fuzz
