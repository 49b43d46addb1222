// Time as the host sees it. Passed in where it matters, so that tests set it.
#pragma once

#include <cstdint>
#include <string>

namespace clade {

class Clock {
 public:
  virtual ~Clock() = default;
  // Milliseconds since 1970-01-01 UTC; may jump.
  virtual int64_t wall_ms() const = 0;
  // Microseconds since an arbitrary start; never goes back.
  virtual int64_t steady_us() const = 0;
};

class SystemClock final : public Clock {
 public:
  int64_t wall_ms() const override;
  int64_t steady_us() const override;
};

// What is left at `now` of a wait of `wait_ms` that began at `started_at` (both by wall_ms): 0 to `wait_ms`,
// though the clock was set back in between.
int64_t left_of_wait(int64_t wait_ms, int64_t started_at, int64_t now);

// "2026-11-20T17:24:15.123Z"
std::string format_time(int64_t wall_ms);

}  // namespace clade
