#include "loop/timer.h"

#include <algorithm>

#include "loop/handle.h"

namespace clade::loop {

struct Timer::State : Handle {
  uv_timer_t handle{};
  std::function<void()> function;

  void close() {
    function = nullptr;
    close_handle(this, &handle);
  }
  void abandon() override { close(); }
};

Timer::Timer(Loop& loop) : state_(new State) {
  uv_timer_init(loop.uv(), &state_->handle);  // cannot fail
  attach_owner(state_, &state_->handle);
}

Timer::~Timer() {
  if (state_) state_->close();
}

Timer::Timer(Timer&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}

Timer& Timer::operator=(Timer&& other) noexcept {
  if (this != &other) {
    const Timer replaced(std::move(*this));
    state_ = std::exchange(other.state_, nullptr);
  }
  return *this;
}

void Timer::start(int64_t delay_ms, std::function<void()> function, int64_t repeat_ms) {
  state_->function = std::move(function);
  // The loop's notion of now is that of the turn's start; a delay counts from this call.
  uv_update_time(state_->handle.loop);
  uv_timer_start(
      &state_->handle,
      [](uv_timer_t* handle) {
        auto* state = static_cast<State*>(static_cast<Handle*>(handle->data));
        call_slot(state, state->function);
        // A function that ran for the last time gives up what it owns.
        if (!uv_is_active(reinterpret_cast<uv_handle_t*>(handle))) state->function = nullptr;
      },
      static_cast<uint64_t>(std::max<int64_t>(delay_ms, 0)),
      static_cast<uint64_t>(std::max<int64_t>(repeat_ms, 0)));
}

void Timer::stop() {
  uv_timer_stop(&state_->handle);
  state_->function = nullptr;
}

bool Timer::active() const {
  return uv_is_active(reinterpret_cast<const uv_handle_t*>(&state_->handle)) != 0;
}

}  // namespace clade::loop
