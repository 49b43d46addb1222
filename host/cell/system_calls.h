// The system calls that a cell may still make once it is shut in, as a seccomp filter.
#pragma once

#include <vector>

#include <linux/filter.h>

#include "base/result.h"

namespace clade::cell {

// True in builds with a sanitizer, whose runtime needs more than the code itself: see the list in
// system_calls.cpp.
extern const bool kSanitized;

// The filter: allow-list, anything else kills the process (SIGSYS). Errors: "io" with the library's reason.
Result<std::vector<sock_filter>> system_call_filter();
// Puts it on this thread and what it starts, for good. Needs no_new_privs. Returns 0 or an errno value.
int install_filter(const std::vector<sock_filter>& filter);

}  // namespace clade::cell
