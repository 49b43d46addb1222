#include "loop/work.h"

#include <atomic>
#include <utility>

namespace clade::loop {

struct Work::State {
  explicit State(EventLoop& owner) : loop(owner), thread(owner.make_thread("work")) {}

  EventLoop& loop;

  // Of the loop's thread.
  std::function<void()> done;
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);

  std::atomic<bool> ending{false};
  std::unique_ptr<Thread> thread;
};

Work::Work(EventLoop& loop) : state_(std::make_unique<State>(loop)) {}

Work::~Work() {
  *state_->alive = false;
  state_->ending = true;
  state_->thread.reset();
}

void Work::start(std::function<void()> function, std::function<void()> done) {
  state_->done = std::move(done);
  state_->thread->run([state = state_.get(), function = std::move(function)]() mutable {
    // Ending goes first: what was not begun is not begun any more.
    if (state->ending) return;
    function();
    function = nullptr;  // what it owns goes before `done` runs
    state->loop.post([state, alive = state->alive] {
      if (!*alive) return;
      auto finished = std::exchange(state->done, nullptr);
      finished();
    });
  });
}

bool Work::active() const {
  return static_cast<bool>(state_->done);
}

}  // namespace clade::loop
