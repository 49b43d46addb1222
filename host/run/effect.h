// An outside effect that a script can await. Implementations live in cell/ (cell.eval), worker/ (process.run)
// and run/ (sleep, ask); main wires them by name. The run journals `started` before `start` is called and the
// result before the script sees it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "base/value.h"
#include "script/grants.h"

namespace clade::run {

// How long a script may ask to wait: a year and a little, far from any overflow of a time in ms.
inline constexpr int64_t kLongestWaitMs = int64_t{366} * 24 * 3600 * 1000;

struct EffectRequest {
  int64_t run = 0;
  std::string agent;
  Value args;
  int64_t started_at =
      0;  // ms since 1970, of the first start: a repeated sleep ends when the first one would have
};

class Effect {
 public:
  using Done = std::function<void(Result<Value>)>;
  virtual ~Effect() = default;

  // May it start again when the host was killed in the middle? If not, the script gets "outcome_unknown".
  virtual bool idempotent() const = 0;
  // Checks shape and grants, before anything is journaled. Errors: "invalid" (misuse: raises in the script),
  // "refused".
  virtual Status check(const Value& args, script::Call& call) const = 0;
  // Starts it; `done` is called once, on the loop's thread, unless cancelled. Returns a handle for cancel.
  virtual uint64_t start(const EffectRequest& request, Done done) = 0;
  virtual void cancel(uint64_t handle) = 0;
};

}  // namespace clade::run
