// The event loop: libuv behind RAII. One loop, one thread; only `post` may be called from others. Every
// object here is owned by whoever made it, must die before its Loop, and never calls back after its
// destructor began.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/event_loop.h"

struct uv_loop_s;

namespace clade::loop {

class Loop final : public EventLoop {
 public:
  Loop();  // throws std::runtime_error if libuv has no descriptors left
  ~Loop() override;
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Runs until stop(), then returns.
  void run();
  // Makes run() return after the callbacks of this turn.
  void stop();
  void post(std::function<void()> function) override;
  void defer(std::function<void()> function) override;
  // Calls `function` at the end of every turn, before the loop waits. Replaces what was set before.
  void at_turn_end(std::function<void()> function);
  std::unique_ptr<clade::Timer> make_timer() override;
  std::unique_ptr<Thread> make_thread(const char* name) override;
  // The longest that one turn has worked without waiting, in microseconds: how long anything else had to wait
  // for the loop.
  int64_t longest_turn_us() const;
  // For the other files of this folder.
  uv_loop_s* uv();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace clade::loop
