#include "loop/signal.h"

#include "loop/handle.h"

namespace clade::loop {

struct Signal::State : Handle {
  uv_signal_t handle{};
  std::function<void()> function;

  void close() {
    function = nullptr;
    close_handle(this, &handle);
  }
  void abandon() override { close(); }
};

Signal::Signal(Loop& loop, int number, std::function<void()> function) : state_(new State) {
  uv_signal_init(loop.uv(), &state_->handle);
  attach_owner(state_, &state_->handle);
  state_->function = std::move(function);
  const int status = uv_signal_start(
      &state_->handle,
      [](uv_signal_t* handle, int) {
        auto* state = static_cast<State*>(static_cast<Handle*>(handle->data));
        call_slot(state, state->function);
      },
      number);
  if (status < 0) {
    state_->close();
    check(status, "cannot watch a signal");
  }
}

Signal::~Signal() {
  if (state_) state_->close();
}

Signal::Signal(Signal&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}

Signal& Signal::operator=(Signal&& other) noexcept {
  if (this != &other) {
    const Signal replaced(std::move(*this));
    state_ = std::exchange(other.state_, nullptr);
  }
  return *this;
}

}  // namespace clade::loop
