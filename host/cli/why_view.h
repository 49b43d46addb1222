// `clade why`: how a task came to be where it is, on a screen or two.
#pragma once

#include <string>

#include "base/value.h"

namespace clade::cli {

// Prints queue::why of the task `id`: the ancestors first, each a step further in, then what it waits for and
// what came of it. Long parts are cut and say how much is left out, and which command shows it.
void print_why(const Value& why, const std::string& id);

}  // namespace clade::cli
