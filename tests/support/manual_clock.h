// A clock that a test sets.
#pragma once

#include <cstdint>

#include "base/clock.h"

namespace clade::test {

class ManualClock final : public Clock {
 public:
  int64_t wall_ms() const override { return now; }
  int64_t steady_us() const override { return now * 1000; }

  int64_t now = 1000000;
};

}  // namespace clade::test
