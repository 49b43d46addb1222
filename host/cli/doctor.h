// Looks at the machine: what a host needs, what makes it safer, what is missing.
#pragma once

#include <string>
#include <vector>

namespace clade::cli {

enum class Health { ok, degraded, missing };

struct Finding {
  std::string name;  // "seccomp", "git", "disk"
  Health health = Health::ok;
  std::string found;    // "active", "2.39.2", "12 GB free"
  std::string purpose;  // what it is for
  std::string advice;   // what to do; "" when ok
};

// Starts the process that makes cells for a moment: call before any thread exists. `folder` is where state
// would be. What swarm.yaml there requires and is not active counts as missing.
std::vector<Finding> examine(const std::string& folder);

}  // namespace clade::cli
