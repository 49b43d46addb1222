// Time and the loop of the simulation: functions, timers and threads are events in one order that the seed
// decides, on one real thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "base/clock.h"
#include "base/event_loop.h"
#include "sim/disk.h"
#include "sim/random.h"
#include "sim/trace.h"

namespace sim {

// The simulated time: it passes between events, and the wall clock may jump.
class Time final : public clade::Clock {
 public:
  int64_t wall_ms() const override { return kStart + jumped_ms_ + now_us_ / 1000; }
  int64_t steady_us() const override { return now_us_; }
  void jump(int64_t ms) {
    jumped_ms_ += ms;
    ++unseen_.times;
  }
  // Time that passes for all but the host.
  void stall(int64_t us) {
    advance_to(now_us_ + us);
    unseen_.us += us;
    ++unseen_.times;
  }
  // How much of that there was, and how often; a jump is none.
  struct Unseen {
    int64_t us = 0;
    int64_t times = 0;
  };
  const Unseen& unseen() const { return unseen_; }
  void advance_to(int64_t us) { now_us_ = std::max(now_us_, us); }

 private:
  static constexpr int64_t kStart = 1800000000000;
  int64_t now_us_ = 0;
  int64_t jumped_ms_ = 0;
  Unseen unseen_;
};

// The loop of one life of a host.
class Loop final : public clade::EventLoop {
 public:
  Loop(Time& time, Disk& disk, Trace& trace, uint64_t seed);
  ~Loop() override;

  void post(std::function<void()> function) override;
  void defer(std::function<void()> function) override { post(std::move(function)); }
  std::unique_ptr<clade::Timer> make_timer() override;
  std::unique_ptr<clade::Thread> make_thread(const char* name) override;

  // Runs `function` after `delay_us`: for what surrounds the host.
  void after(int64_t delay_us, std::function<void()> function);
  // The next event. False: there is none, or the machine has stopped.
  bool turn();
  // When that will be, or the greatest time.
  int64_t next_us() const;
  uint64_t events() const { return events_; }
  Random& random() { return random_; }

 private:
  class SimTimer;
  class SimThread;
  using Key = std::pair<int64_t, uint64_t>;  // time, and order among those of one time
  Key add(int64_t at_us, std::function<void()> function);

  Time& time_;
  Disk& disk_;
  Trace& trace_;
  Random random_;
  std::map<Key, std::function<void()>> events_due_;
  uint64_t order_ = 0;
  uint64_t events_ = 0;
  int64_t last_post_us_ = 0;
  bool beside_ = false;  // a thread works
};

}  // namespace sim
