// Processes as /proc shows them.
#pragma once

#include <cstdint>
#include <vector>

#include <sys/types.h>

namespace bench {

// A process, its children, theirs, and so on.
std::vector<pid_t> with_descendants(pid_t process);

// How often threads of a process left the processor: voluntarily or not.
int64_t context_switches(pid_t process);

// What a process alone has in memory, in MB (VmRSS).
double resident_mb(pid_t process);

}  // namespace bench
