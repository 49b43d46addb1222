// The host's frames, put together: see protocol.h.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/value.h"
#include "cell/pool.h"
#include "run/executor.h"

namespace clade::cell {

Value load_frame(int64_t vm, const run::Program& program, int64_t memory_mb);
Value run_frame(int64_t vm, const run::Invocation& invocation);
Value answer_frame(int64_t run, const std::string& strand, const Result<Value>& value);
Value eval_frame(const EvalRequest& request);

}  // namespace clade::cell
