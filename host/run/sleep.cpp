#include "run/sleep.h"

namespace clade::run {
Status SleepEffect::check(const Value& args, script::Call&) const {
  const double ms = args["ms"].as_real(-1);
  if (ms >= 0 && ms <= static_cast<double>(kLongestWaitMs)) return {};
  return failure("invalid", "sleep: `ms` must be a number from 0 to " + std::to_string(kLongestWaitMs));
}

uint64_t SleepEffect::start(const EffectRequest& request, Done done) {
  const auto ms = static_cast<int64_t>(request.args["ms"].as_real());
  const int64_t left = left_of_wait(ms, request.started_at, clock_.wall_ms());
  const uint64_t handle = next_++;
  timers_.emplace(handle, loop_.make_timer())
      .first->second->start(left, [this, handle, done = std::move(done)] {
        // The timer owns this function: out of it first.
        const Done finish = done;
        timers_.erase(handle);
        finish(Value(true));
      });
  return handle;
}

void SleepEffect::cancel(uint64_t handle) {
  timers_.erase(handle);
}

}  // namespace clade::run
