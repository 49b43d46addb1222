// One host per swarm: an advisory lock on DIR/.clade/lock, which holds the process id of whoever has it. The
// kernel releases it when that process is gone, however it went, and with it whatever inherited the lock: the
// keepers of the commands that it ran.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace clade::cli {

class Lock {
 public:
  // Makes DIR/.clade (mode 0700) when it is missing and takes the lock. While only what a dead host left
  // behind holds it, waits, but no longer than `patience_ms`. Errors: "conflict" (a live host holds it: names
  // the process and how to stop it, at once; or a dead one's lock was not released in time: names what holds
  // it), "io" (e.g. a read-only folder), "no_space".
  static Result<Lock> acquire(const std::string& folder, int64_t patience_ms = 5000);
  ~Lock();
  Lock(Lock&& other) noexcept;
  Lock& operator=(Lock&&) = delete;

  // What holds the lock. A process that inherits it holds the lock too, until it is gone.
  int descriptor() const { return descriptor_; }

  // The live process that holds a swarm's lock, or 0 if none does.
  static int holder(const std::string& folder);
  // Blocks until nobody holds it.
  static void wait_until_free(const std::string& folder);

 private:
  explicit Lock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

// Whether a process is stopped, by a signal or a debugger. False if there is none.
bool is_stopped(int pid);

}  // namespace clade::cli
