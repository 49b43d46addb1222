// One host per swarm: an advisory lock on DIR/.clade/lock, which holds the process id of whoever has it. The
// kernel releases it when that process is gone, however it went.
#pragma once

#include <string>

#include "base/result.h"

namespace clade::cli {

class Lock {
 public:
  // Makes DIR/.clade (mode 0700) when it is missing and takes the lock. Errors: "conflict" (names the process
  // that holds it and how to stop it), "io" (e.g. a read-only folder).
  static Result<Lock> acquire(const std::string& folder);
  ~Lock();
  Lock(Lock&& other) noexcept;
  Lock& operator=(Lock&&) = delete;

  // The process that holds a swarm's lock, or 0 if none does.
  static int holder(const std::string& folder);
  // Blocks until nobody holds it.
  static void wait_until_free(const std::string& folder);

 private:
  explicit Lock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace clade::cli
