// What the end of a handler writes: its effects, the end of its task or message, its state and its record, in
// one batch.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/value.h"
#include "run/kernel.h"
#include "run/run.h"
#include "run/settlement.h"
#include "run/standing.h"
#include "store/writer.h"

namespace clade::run {

struct Conclusion {
  std::optional<AfterCommit> after;  // nothing: the task is no longer this run's
  int64_t asker = 0;                 // the run that waits for the result; 0: none
};

// Of a run whose handler returned `result` and leaves `state`. Errors, with nothing in the batch that counts:
// what fails the run ("invalid", "limit", and those of Settlement::commit but for "fenced").
Result<Conclusion> conclude(const Kernel& kernel, Settlement& settlement, Standing& standing, Run& run,
                            const Value& result, Value state, store::Batch& batch);

}  // namespace clade::run
