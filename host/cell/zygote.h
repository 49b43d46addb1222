// The zygote: a small process that forks cells. It is this executable started anew (`clade cell-zygote <fd>`)
// before the host has threads, with a large stack limit and nothing user-written in it; each cell is a fork
// of it that shuts itself in before it reads its first frame. It ends, and with it every cell, when the host
// is gone.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "loop/loop.h"

namespace clade::cell {

// Bounds that the kernel enforces on one cell.
struct CellLimits {
  int64_t memory_mb =
      256;             // address space on top of what the executable itself maps; and the allocator's cap
  int64_t cpu_ms = 0;  // soft: the VM's hook is armed; RLIMIT_CPU kills a second later. 0: none
};

// An isolation layer and whether this machine gives it to cells, found by trying.
struct Layer {
  std::string name;     // "no_new_privs", "namespaces", "landlock", "rlimits", "seccomp", "checkhook"
  std::string missing;  // "" if active; otherwise the reason and what to do
};

// How a cell ended.
struct CellExit {
  int code = 0;
  int signal = 0;         // 0 if it exited
  int64_t memory_kb = 0;  // the most that was resident
  int64_t cpu_us = 0;     // user and system time of its whole life
  std::string failure;    // not empty: it never ran, and why
};

// A cell that has been asked for.
struct CellProcess {
  uint64_t id = 0;      // never reused
  int descriptor = -1;  // the host's end of its socket; the caller's to close
};

// All on the loop's thread.
class Zygote {
 public:
  using OnExit = std::function<void(CellExit)>;

  // Starts the process and waits for its layers (milliseconds); call before threads exist. `executable` is
  // what is run as
  // `<executable> cell-zygote <fd>`. Errors: "io".
  static Result<Zygote> start(const std::string& executable = "/proc/self/exe");
  // Ends the process and every cell, waits for it; nothing is called any more. Destroy it before the loop.
  ~Zygote();
  Zygote(Zygote&&) noexcept;
  Zygote& operator=(Zygote&&) noexcept;

  // Attaches it to the loop: needed before spawn. `on_death` is called with a reason if the process ends by
  // itself, after `on_exit` of every cell that was left (they die with it).
  void attach(loop::Loop& loop, std::function<void(const std::string&)> on_death);
  // Forks a cell. Frames may be written at once; `on_exit` follows when it is reaped, never from within this
  // call. Errors: "io" (no descriptors left, no zygote any more).
  Result<CellProcess> spawn(const CellLimits& limits, OnExit on_exit);
  // A cell's process, for diagnosis; 0 before it is born and after its end.
  int pid_of(uint64_t cell) const;
  // SIGKILL. Safe for a cell that is gone.
  void kill(uint64_t cell);
  // SIGKILL, and its `on_exit` is not called any more.
  void abandon(uint64_t cell);
  // Arms the cell's soft deadline: its VM stops the running script with a traceback. `delivered` is called
  // once the signal has reached it (not if the cell ended first): before that, a new frame could be hit by
  // it.
  void interrupt(uint64_t cell, std::function<void()> delivered);
  // The layers, probed once when the zygote started.
  const std::vector<Layer>& layers() const;
  // Of the zygote, for diagnosis.
  int pid() const;

 private:
  struct State;
  explicit Zygote(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// The zygote's own main function, for `clade cell-zygote <fd>`. Returns the exit status.
int zygote_main(int descriptor);

}  // namespace clade::cell
