// `sleep` as an effect: {ms}. Ends when the first start would have ended, also after a restart of the host.
#pragma once

#include <map>
#include <memory>

#include "base/clock.h"
#include "base/event_loop.h"
#include "run/effect.h"

namespace clade::run {

// At most 366 days. Needs no grant.
class SleepEffect final : public Effect {
 public:
  SleepEffect(EventLoop& loop, const Clock& clock) : loop_(loop), clock_(clock) {}
  bool idempotent() const override { return true; }
  Status check(const Value& args, script::Call& call) const override;
  uint64_t start(const EffectRequest& request, Done done) override;
  void cancel(uint64_t handle) override;

 private:
  EventLoop& loop_;
  const Clock& clock_;
  uint64_t next_ = 1;
  std::map<uint64_t, std::unique_ptr<Timer>> timers_;
};

}  // namespace clade::run
