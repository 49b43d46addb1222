// A task with everything that its runs did: what `clade task show` tells.
#pragma once

#include <string>

#include "base/result.h"
#include "base/value.h"
#include "store/blob.h"
#include "store/database.h"

namespace clade::run {

// The fields of queue::task_with_history, and
//   runs      its attempts in order, each as run_with_journal has it
//   messages  what they sent: [{id, run, to, kind, state; of an ask: ask = "answered", "waits" or an error's
//   code}] files     what they wrote: [{path, run, bytes (nil: not known), state: "written", "not written
//   yet" or "given
//             up"}]
//   used      sums of the ledger: {effects, units, cpu_us, wall_us}
// Nil if there is no such task. From the store alone. Errors: those of Statement, "corrupt".
Result<Value> task_story(store::Database& database, const store::Blobs& blobs, const std::string& id);

}  // namespace clade::run
