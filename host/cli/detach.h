// `clade run --detach`: the host goes on in the background once it is up.
#pragma once

#include <functional>

#include "base/result.h"

namespace clade::cli {

// How the background process began.
struct Detached {
  int pid = 0;
  int status = 0;  // 0: it is up. Otherwise the status it exited with (its errors have been passed on).
};

// Forks; the child leads a session of its own, reads and prints nothing but errors, and runs
// `function(descriptor)`, whose status it exits with. Returns in the parent once the child has called
// announce_ready or is gone. Call before any thread exists. Errors: "io".
Result<Detached> detach(const std::function<int(int descriptor)>& function);

// Tells the waiting parent that the host is up, closes the descriptor and points stderr at /dev/null. Nothing
// for −1.
void announce_ready(int descriptor);

}  // namespace clade::cli
