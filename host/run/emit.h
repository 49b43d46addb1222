// The operations that fill a run's outbox: checked when they are called, in force when the run commits.
#pragma once

#include <string>

#include "base/result.h"
#include "base/value.h"
#include "run/kernel.h"
#include "run/run.h"
#include "script/grants.h"

namespace clade::run {

// True for the operations of this file.
bool is_emission(const std::string& op);

// Checks shape and grant (by `call`, which the caller keeps if it succeeds), and puts it into the outbox.
// Returns what the script gets (an id, a hash, true). Errors: "invalid" and "refused" (both raise in the
// script), or those of the queue, mail and governance.
Result<Value> emit(const Kernel& kernel, Run& run, const std::string& op, const Value& args,
                   script::Call& call);

// What the script gets for it if nothing is in the way, as far as its arguments tell that, for a replay:
// `next` is the run's Outbox::next, and counted up as emit does.
Value emission_answer(int64_t run, int64_t& next, const std::string& op, const Value& args);

// True for an operation whose answer depends on what is kept, so that its arguments do not tell it.
bool answers_from_state(const std::string& op);

// Would `emit` let script.publish through with these arguments? Takes the same token, and has the same
// errors; the outbox stays as it is.
Status check_publication(const Kernel& kernel, const Run& run, const Value& args, script::Call& call);

}  // namespace clade::run
