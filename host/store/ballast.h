// A file that only takes up space: given up when the disk is full, so that the host can say so, end in order,
// and leave a state that can be read.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace clade::store {

// What is kept in reserve, and so what has to be free for a host to start.
inline constexpr int64_t kBallastBytes = 8 << 20;

class Ballast {
 public:
  // `path` as in "DIR/.clade/ballast"; nothing is made yet.
  explicit Ballast(std::string path) : path_(std::move(path)) {}

  // Makes the file, with all its blocks, unless it is there. Errors: "no_space" (names what is free, what is
  // needed and what to do; nothing is left behind), "io".
  Status fill() const;
  // Gives the space up. True if there was any.
  bool release() const;

 private:
  std::string path_;
};

}  // namespace clade::store
