// A timer of the loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "loop/loop.h"

namespace clade::loop {

class Timer final : public clade::Timer {
 public:
  explicit Timer(Loop& loop);
  ~Timer() override;
  Timer(Timer&&) noexcept;
  Timer& operator=(Timer&&) noexcept;

  void start(int64_t delay_ms, std::function<void()> function, int64_t repeat_ms = 0) override;
  void stop() override;
  bool active() const override;

 private:
  struct State;
  State* state_;  // freed by the loop once libuv closed the handle
};

}  // namespace clade::loop
