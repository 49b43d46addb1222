#include "sim/loop.h"

#include <algorithm>
#include <deque>
#include <limits>

namespace sim {

class Loop::SimTimer final : public clade::Timer {
 public:
  explicit SimTimer(Loop& loop) : loop_(loop) {}
  ~SimTimer() override { stop(); }
  SimTimer(const SimTimer&) = delete;
  SimTimer& operator=(const SimTimer&) = delete;

  void start(int64_t delay_ms, std::function<void()> function, int64_t repeat_ms) override {
    stop();
    function_ = std::make_shared<std::function<void()>>(std::move(function));
    repeat_ms_ = repeat_ms;
    arm(delay_ms);
  }
  void stop() override {
    if (active_) loop_.events_due_.erase(key_);
    active_ = false;
    function_.reset();
  }
  bool active() const override { return active_; }

 private:
  void arm(int64_t delay_ms) {
    active_ = true;
    // A timer is never early, and a little late.
    const auto late_us = static_cast<int64_t>(loop_.random_.below(1500));
    key_ = loop_.add(loop_.time_.steady_us() + std::max<int64_t>(delay_ms, 0) * 1000 + late_us,
                     [this] { fire(); });
  }
  void fire() {
    active_ = false;
    const auto running = function_;  // the call may replace it, or destroy this
    if (repeat_ms_ > 0) {
      arm(repeat_ms_);
    } else {
      function_.reset();
    }
    (*running)();
  }

  Loop& loop_;
  std::shared_ptr<std::function<void()>> function_;
  int64_t repeat_ms_ = 0;
  bool active_ = false;
  Key key_;
};

class Loop::SimThread final : public clade::Thread {
 public:
  explicit SimThread(Loop& loop) : loop_(loop) {}
  ~SimThread() override {
    if (scheduled_) loop_.events_due_.erase(key_);
    while (!functions_.empty()) work();
  }
  SimThread(const SimThread&) = delete;
  SimThread& operator=(const SimThread&) = delete;

  void run(std::function<void()> function) override {
    functions_.push_back(std::move(function));
    // A real thread may be done before its caller goes on.
    const bool rests = !scheduled_ && functions_.size() == 1 && loop_.time_.steady_us() >= free_at_us_;
    if (rests && loop_.random_.percent(10)) {
      work();
    } else {
      schedule();
    }
  }

 private:
  void schedule() {
    if (scheduled_ || functions_.empty()) return;
    scheduled_ = true;
    // Mostly the thread is quick to wake, sometimes the machine is busy.
    const int64_t delay = static_cast<int64_t>(loop_.random_.below(loop_.random_.percent(5) ? 200000 : 2000));
    key_ = loop_.add(std::max(loop_.time_.steady_us() + delay, free_at_us_), [this] {
      scheduled_ = false;
      work();
      schedule();
    });
  }
  void work() {
    const auto function = std::move(functions_.front());
    functions_.pop_front();
    (void)loop_.disk_.take_elapsed();
    loop_.beside_ = true;
    function();
    loop_.beside_ = false;
    free_at_us_ = loop_.time_.steady_us() + loop_.disk_.take_elapsed();
  }

  Loop& loop_;
  std::deque<std::function<void()>> functions_;
  int64_t free_at_us_ = 0;
  bool scheduled_ = false;
  Key key_;
};

Loop::Loop(Time& time, Disk& disk, Trace& trace, uint64_t seed)
    : time_(time), disk_(disk), trace_(trace), random_(seed) {}

Loop::~Loop() = default;

Loop::Key Loop::add(int64_t at_us, std::function<void()> function) {
  const Key key{at_us, ++order_};
  events_due_.emplace(key, std::move(function));
  return key;
}

void Loop::post(std::function<void()> function) {
  // In order of posting; the loop is busy with other things now and then. What a thread posts while a slow
  // disk holds it up comes when that is over.
  const int64_t earliest = time_.steady_us() + (beside_ ? disk_.elapsed() : 0) +
                           static_cast<int64_t>(random_.below(random_.percent(5) ? 20000 : 300));
  last_post_us_ = std::max(last_post_us_, earliest);
  add(last_post_us_, std::move(function));
}

std::unique_ptr<clade::Timer> Loop::make_timer() {
  return std::make_unique<SimTimer>(*this);
}

std::unique_ptr<clade::Thread> Loop::make_thread(const char*) {
  return std::make_unique<SimThread>(*this);
}

void Loop::after(int64_t delay_us, std::function<void()> function) {
  add(time_.steady_us() + delay_us, std::move(function));
}

bool Loop::turn() {
  if (disk_.stopped() || events_due_.empty()) return false;
  auto event = events_due_.extract(events_due_.begin());
  time_.advance_to(event.key().first);
  ++events_;
  trace_.number(static_cast<uint64_t>(time_.steady_us()));
  event.mapped()();
  return !disk_.stopped();
}

int64_t Loop::next_us() const {
  return events_due_.empty() ? std::numeric_limits<int64_t>::max() : events_due_.begin()->first.first;
}

}  // namespace sim
