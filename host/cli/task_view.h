// `clade task show`: one screen about a task.
#pragma once

#include <cstdint>

#include "base/value.h"

namespace clade::cli {

// Prints run::task_story with `live` set to what the host says (command task.live; an empty map without one).
// Sections that have nothing to say are left out, long ones end with where the rest is.
void print_task(const Value& task, int64_t now);

}  // namespace clade::cli
