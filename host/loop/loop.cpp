#include "loop/loop.h"

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

#include <poll.h>

#include "base/thread.h"
#include "loop/handle.h"
#include "loop/timer.h"

namespace clade::loop {
namespace {

// Half a millisecond: a few fsyncs of a good disk, and nothing that anybody notices.
constexpr uint64_t kLongestDeferNs = 500000;

}  // namespace

struct Loop::State {
  uv_loop_t loop{};
  uv_async_t wake{};
  std::mutex mutex;
  std::vector<std::function<void()>> posted;  // guarded by mutex
  ReadBuffer buffer{};
  uv_prepare_t before_wait{};
  uv_idle_t again{};
  uint64_t waited_ns = 0;    // in all, when the loop was about to wait
  uint64_t about_to_at = 0;  // in ns; 0: not since run() began
  uint64_t longest_ns = 0;

  std::vector<std::function<void()>> deferred;
  uint64_t deferred_at = 0;  // in ns: the oldest of them
  std::function<void()> turn_end;

  void run_deferred() {
    if (deferred.empty()) return;
    pollfd more{uv_backend_fd(&loop), POLLIN, 0};
    const bool may_wait = uv_hrtime() - deferred_at < kLongestDeferNs;
    if (may_wait && ::poll(&more, 1, 0) > 0) {
      // What is ready may be of a handle that nobody reads any more: this turn must not wait for another.
      uv_idle_start(&again, [](uv_idle_t*) {});
      return;
    }
    uv_idle_stop(&again);
    for (auto& function : std::exchange(deferred, {})) function();
  }

  void about_to_wait() {
    run_deferred();
    if (turn_end) turn_end();
    const uint64_t now = uv_hrtime();
    const uint64_t waited = uv_metrics_idle_time(&loop);
    if (about_to_at != 0) {
      longest_ns = std::max(longest_ns, now - about_to_at - std::min(waited - waited_ns, now - about_to_at));
    }
    about_to_at = now;
    waited_ns = waited;
  }

  void run_posted() {
    std::vector<std::function<void()>> functions;
    {
      const std::lock_guard lock(mutex);
      functions.swap(posted);
    }
    for (auto& function : functions) {
      function();
      function = nullptr;  // what it owns goes before the next one runs
    }
  }
};

ReadBuffer& read_buffer(uv_loop_t* loop) {
  return *static_cast<ReadBuffer*>(loop->data);
}

Loop::Loop() : state_(std::make_unique<State>()) {
  check(uv_loop_init(&state_->loop), "cannot make an event loop");
  state_->loop.data = &state_->buffer;
  const int status = uv_async_init(&state_->loop, &state_->wake,
                                   [](uv_async_t* wake) { static_cast<State*>(wake->data)->run_posted(); });
  if (status < 0) {
    uv_loop_close(&state_->loop);
    check(status, "cannot make an event loop");
  }
  state_->wake.data = state_.get();
  // Neither can fail: the option is known and the handle needs no resource.
  uv_loop_configure(&state_->loop, UV_METRICS_IDLE_TIME);
  uv_idle_init(&state_->loop, &state_->again);
  uv_prepare_init(&state_->loop, &state_->before_wait);
  state_->before_wait.data = state_.get();
  uv_prepare_start(&state_->before_wait,
                   [](uv_prepare_t* handle) { static_cast<State*>(handle->data)->about_to_wait(); });
  uv_unref(reinterpret_cast<uv_handle_t*>(&state_->before_wait));
}

Loop::~Loop() {
  // What nobody will run any more may own streams and timers of this loop: it goes first.
  std::vector<std::function<void()>> dropped;
  {
    const std::lock_guard lock(state_->mutex);
    dropped.swap(state_->posted);
  }
  dropped.clear();
  state_->deferred.clear();
  state_->turn_end = nullptr;
  // One turn without waiting lets streams that are closing send what the kernel still takes.
  uv_close(reinterpret_cast<uv_handle_t*>(&state_->wake), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&state_->before_wait), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&state_->again), nullptr);
  uv_run(&state_->loop, UV_RUN_NOWAIT);
  while (uv_loop_close(&state_->loop) == UV_EBUSY) {
    uv_walk(
        &state_->loop,
        [](uv_handle_t* handle, void*) {
          if (!uv_is_closing(handle)) static_cast<Handle*>(handle->data)->abandon();
        },
        nullptr);
    uv_run(&state_->loop, UV_RUN_DEFAULT);
  }
}

void Loop::run() {
  state_->about_to_at = 0;
  uv_run(&state_->loop, UV_RUN_DEFAULT);
}

void Loop::stop() {
  uv_stop(&state_->loop);
}

void Loop::post(std::function<void()> function) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->posted.push_back(std::move(function));
  }
  uv_async_send(&state_->wake);
}

void Loop::defer(std::function<void()> function) {
  if (state_->deferred.empty()) state_->deferred_at = uv_hrtime();
  state_->deferred.push_back(std::move(function));
}

void Loop::at_turn_end(std::function<void()> function) {
  state_->turn_end = std::move(function);
}

std::unique_ptr<clade::Timer> Loop::make_timer() {
  return std::make_unique<Timer>(*this);
}

std::unique_ptr<Thread> Loop::make_thread(const char* name) {
  return clade::make_thread(name);
}

int64_t Loop::longest_turn_us() const {
  return static_cast<int64_t>(state_->longest_ns / 1000);
}

uv_loop_s* Loop::uv() {
  return &state_->loop;
}

}  // namespace clade::loop
