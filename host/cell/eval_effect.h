// `cell.eval` as an effect that scripts await.
#pragma once

#include "cell/pool.h"
#include "run/effect.h"

namespace clade::cell {

// Args as in scripts/std/cell.lua; bounds: cpu_ms ≤ 600,000, wall_ms ≤ 600,000, memory_mb ≤ 1,024. The result
// is {ok, value, error, code, units, cpu_us, wall_us, memory_kb, output?}. Needs the grant "cell.eval".
class EvalEffect final : public run::Effect {
 public:
  explicit EvalEffect(Pool& pool) : pool_(pool) {}
  bool idempotent() const override { return true; }
  Status check(const Value& args, script::Call& call) const override;
  uint64_t start(const run::EffectRequest& request, Done done) override;
  void cancel(uint64_t handle) override;

 private:
  Pool& pool_;
};

}  // namespace clade::cell
