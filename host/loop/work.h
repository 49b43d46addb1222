// Work that may take long (disks, mostly), on a thread of its own: the loop goes on meanwhile.
#pragma once

#include <functional>
#include <memory>

#include "base/event_loop.h"

namespace clade::loop {

class Work {
 public:
  // Starts the thread, which waits for work. Throws std::system_error if there can be none.
  explicit Work(EventLoop& loop);
  // Waits for the work under way; its `done` is not called any more.
  ~Work();
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;

  // Runs `function` on the thread, then `done` on the loop's. One at a time: only when nothing is active().
  // `function` must not throw; what it uses stays until `done`, or until this object is gone. `done` may
  // start the next, or destroy this.
  void start(std::function<void()> function, std::function<void()> done);
  // From start until `done` is about to run.
  bool active() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace clade::loop
