// What every part of a bench does: measure or end, and print what it found.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace bench {

// Ends the program with a message: what cannot be measured is no figure.
[[noreturn]] inline void fail(const std::string& what) {
  std::fflush(stdout);
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(1);
}

// The value, or the end with its error.
template <class T>
T need(clade::Result<T> result) {
  if (!result) fail(result.error().message);
  return std::move(*result);
}
inline void need(const clade::Status& status) {
  if (!status) fail(status.error().message);
}

// One figure, as the line "what<TAB>value<TAB>unit<TAB>better". `better`: "higher" or "lower".
inline void print(const std::string& what, double value, const char* unit, const char* better,
                  int decimals = 0) {
  std::printf("%s\t%.*f\t%s\t%s\n", what.c_str(), decimals, value, unit, better);
  std::fflush(stdout);
}

}  // namespace bench
