#include "loop/work.h"

#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "base/thread.h"

namespace clade::loop {

struct Work::State {
  explicit State(Loop& owner) : loop(owner) {}

  void work() {
    for (;;) {
      std::function<void()> function;
      {
        std::unique_lock lock(mutex);
        changed.wait(lock, [this] { return ending || next; });
        // Ending goes first: what was not begun is not begun any more.
        if (ending) return;
        function = std::exchange(next, nullptr);
      }
      function();
      function = nullptr;  // what it owns goes before `done` runs
      loop.post([this, alive = alive] {
        if (!*alive) return;
        auto finished = std::exchange(done, nullptr);
        finished();
      });
    }
  }

  Loop& loop;

  // Of the loop's thread.
  std::function<void()> done;
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);

  // Shared.
  std::mutex mutex;
  std::condition_variable changed;
  std::function<void()> next;  // guarded by mutex
  bool ending = false;         // guarded by mutex
  std::thread thread;
};

Work::Work(Loop& loop) : state_(std::make_unique<State>(loop)) {
  state_->thread = start_thread("work", [state = state_.get()] { state->work(); });
}

Work::~Work() {
  *state_->alive = false;
  {
    const std::lock_guard lock(state_->mutex);
    state_->ending = true;
  }
  state_->changed.notify_one();
  state_->thread.join();
}

void Work::start(std::function<void()> function, std::function<void()> done) {
  state_->done = std::move(done);
  {
    const std::lock_guard lock(state_->mutex);
    state_->next = std::move(function);
  }
  state_->changed.notify_one();
}

bool Work::active() const {
  return static_cast<bool>(state_->done);
}

}  // namespace clade::loop
