// One evaluation from the command line: a zygote, a loop and a pool of its own, gone when it returns.
#pragma once

#include "base/result.h"
#include "base/value.h"
#include "cell/pool.h"

namespace clade::cli {

// Evaluates in a cell with full isolation and waits. Call before any thread exists. Errors: "io" (no cell can
// be made).
Result<cell::EvalResult> evaluate(cell::EvalRequest request);

// {ok, value | error+code, output (what it printed, if anything), units, cpu_ms, wall_ms, memory_kb}, as
// `clade eval --json` prints it.
Value evaluation_value(const cell::EvalResult& result);

// Fails with "no_json", and says which part it is, if JSON cannot hold all the values exactly: NaN,
// infinities, text that is not UTF-8.
Status check_values(const Value::Array& values);

}  // namespace clade::cli
