// Landlock: the kernel's own deny-all for files, TCP ports, abstract sockets and signals, as far as it knows
// them.
#pragma once

#include "base/result.h"

namespace clade::cell {

// A ruleset that allows nothing, handling everything that this kernel's Landlock (any version from 1 up) can
// handle. Returns its descriptor. Errors: "io", with what is missing.
Result<int> landlock_deny_all();
// Puts it on this thread and what it starts, for good. Needs no_new_privs. Returns 0, or -1 with errno.
int landlock_restrict(int ruleset);

}  // namespace clade::cell
