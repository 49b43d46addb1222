// The host's frames, put together: see protocol.h.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/value.h"
#include "cell/pool.h"
#include "run/executor.h"

namespace clade::cell {

// A program into a VM of that number, which may allocate so much.
Value load_frame(int64_t vm, const run::Program& program, int64_t memory_mb);
// A handler's call in a loaded VM.
Value run_frame(int64_t vm, const run::Invocation& invocation);
// What a loaded VM's program makes of a state.
Value examine_frame(int64_t vm, const StateQuestion& question, int64_t now_ms);
// The value or the failure that a strand waits for, and the run's time from then on.
Value answer_frame(int64_t run, const std::string& strand, const Result<Value>& value, int64_t now_ms);
// A chunk for a cell of its own.
Value eval_frame(const EvalRequest& request);

}  // namespace clade::cell
