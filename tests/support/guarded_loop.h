// A loop for one test that cannot hang: it fails the test when nothing stopped it for a long time.
#pragma once

#include <functional>

#include <catch2/catch.hpp>

#include "loop/loop.h"
#include "loop/timer.h"

namespace test {

class GuardedLoop {
 public:
  GuardedLoop() : guard_(loop_) {}

  clade::loop::Loop& operator*() { return loop_; }
  clade::loop::Loop* operator->() { return &loop_; }

  // Runs until stop().
  void run() {
    bool late = false;
    guard_.start(kLimitMs, [&] {
      late = true;
      loop_.stop();
    });
    loop_.run();
    guard_.stop();
    if (late) FAIL("the loop was not stopped within " << kLimitMs << " ms");
  }

  // Runs turn by turn until the condition holds.
  void run_until(const std::function<bool()>& condition) {
    clade::loop::Timer turn(loop_);
    turn.start(
        0,
        [&] {
          if (condition()) loop_.stop();
        },
        1);
    run();
  }

 private:
  static constexpr int64_t kLimitMs = 60000;
  clade::loop::Loop loop_;
  clade::loop::Timer guard_;
};

}  // namespace test
