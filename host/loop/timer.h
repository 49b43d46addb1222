// A timer of the loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "loop/loop.h"

namespace clade::loop {

class Timer {
 public:
  explicit Timer(Loop& loop);
  ~Timer();
  Timer(Timer&&) noexcept;
  Timer& operator=(Timer&&) noexcept;

  // Calls `function` once after `delay_ms`, then every `repeat_ms` unless that is 0. Replaces what was set
  // before. The function may destroy the timer.
  void start(int64_t delay_ms, std::function<void()> function, int64_t repeat_ms = 0);
  void stop();
  bool active() const;

 private:
  struct State;
  State* state_;  // freed by the loop once libuv closed the handle
};

}  // namespace clade::loop
