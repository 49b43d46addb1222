// The isolation of a cell. The zygote prepares once what all cells share (no root, an empty root folder, the
// filter), and each cell shuts itself in with what is left: its own namespaces at the fork, then Landlock,
// limits and seccomp. A layer that the kernel lacks is left out and reported; one that was there at the probe
// and fails later ends the cell. Linux only; calling thread is the process's only one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <linux/filter.h>
#include <sched.h>
#include <sys/types.h>

#include "cell/zygote.h"

namespace clade::cell {

// Exit status of a cell that could not shut itself in; it has read nothing then.
inline constexpr int kNotShutIn = 121;
// The descriptor that a cell keeps: its socket.
inline constexpr int kCellDescriptor = 3;
// What each cell gets of its own at the fork; it shares the zygote's mount namespace, whose root is empty.
inline constexpr int kCellNamespaces = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;
// Stack of a cell: deep recursion inside LuaJIT's C functions ends in an error, not in a fault.
inline constexpr int64_t kStackBytes = 256ll << 20;

class Sandbox {
 public:
  // Tries every layer in trial children, then changes this process for good: a user without rights if it was
  // root, no_new_privs, and where namespaces work a user and a mount namespace of its own whose root is empty
  // and read-only.
  static Sandbox prepare();
  ~Sandbox();
  Sandbox(Sandbox&&) noexcept;
  Sandbox& operator=(Sandbox&&) = delete;

  const std::vector<Layer>& layers() const { return layers_; }

  // Like fork(2), into namespaces of its own where they work.
  pid_t fork() const;
  // In the child: dies with its parent; `socket` becomes kCellDescriptor and every other descriptor is
  // closed; Landlock, limits, no capabilities; starts the CPU timer. `parent` is a pidfd of the parent, or
  // −1: fails if that is gone already. Errors: "io", naming the step.
  Status confine(int socket, const CellLimits& limits, int parent = -1) const;
  // In the child, last: the system call filter. Errors: "io".
  Status seal() const;

 private:
  Sandbox() = default;
  void report(const std::string& name, const std::string& missing) { layers_.push_back({name, missing}); }
  Status limit(const CellLimits& limits) const;

  std::vector<Layer> layers_;
  std::vector<sock_filter> filter_;  // empty: no seccomp
  int ruleset_ = -1;                 // Landlock's, denying everything; -1: none
  bool namespaces_ = false;
  int64_t base_bytes_ = 0;  // address space of the process as it is
};

}  // namespace clade::cell
