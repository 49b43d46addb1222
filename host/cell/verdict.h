// What the outcome of a fresh cell means to whoever asked: a value, or which bound stopped it and where.
#pragma once

#include "cell/fresh_cell.h"
#include "cell/pool.h"

namespace clade::cell {

// The bounds that an error text names.
struct Bounds {
  int64_t cpu_ms = 0;
  int64_t wall_ms = 0;
  int64_t memory_mb = 0;
  const char* wall_name = "wall_ms";
};

// Of an evaluation.
EvalResult evaluation_verdict(const Bounds& bounds, const FreshCell::Outcome& outcome);
// Why nothing good came out; codes as in EvalResult. Precondition: the answer, if any, is not ok.
Error failure_of(const Bounds& bounds, const FreshCell::Outcome& outcome);

}  // namespace clade::cell
