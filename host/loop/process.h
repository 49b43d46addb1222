// A child process: argument vector (never a shell), its own session and process group, none of the host's
// descriptors, output collected up to a limit. One with a keeper (loop/keeper.h) dies with the host.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "loop/loop.h"

namespace clade::loop {

// How a program is kept from outliving this process.
struct Keeper {
  std::string executable = "/proc/self/exe";  // run as `<executable> keeper …`
  int held = -1;  // a descriptor that stays open until nothing of the program's group is left, in no other
                  // process but the keeper; borrowed during the call; -1: none
};

struct ProcessOptions {
  std::vector<std::string> arguments;    // [0] is looked up in the PATH of `environment`, else in the host's
  std::string folder;                    // working directory; "" for the host's
  std::vector<std::string> environment;  // whole environment, "NAME=value"
  std::string input;                     // for its stdin, then end of file
  size_t output_bytes = 1u << 20;        // kept of stdout and of stderr each; the rest is read and dropped
  std::optional<Keeper> keeper;
};

struct ProcessExit {
  int code = 0;    // exit code, or 128 + signal
  int signal = 0;  // 0 if it exited
  std::string out;
  std::string error;
  bool truncated = false;
  int64_t cpu_us = 0;  // user and system, of itself and of those descendants that it waited for (wait4)
  std::optional<Error> failure;  // with a keeper: it never ran; "not_found" or "io", as of spawn
};

class Process {
 public:
  using OnExit = std::function<void(ProcessExit)>;
  // Errors: "not_found" (no such program), "invalid" (no arguments, or a NUL byte in one), "io". `on_exit` is
  // called once, after exit and end of output, or 200 ms after the exit if something that it started keeps
  // its output open. What it left in its process group is killed then (with a keeper: and gone); a descendant
  // that made a session of its own is not. With a keeper, a failed exec is told by `on_exit`, and the group
  // is killed too when this process ends without a word.
  static Result<Process> spawn(Loop& loop, ProcessOptions options, OnExit on_exit);
  // Kills the whole process group and does not report; the loop reaps the child.
  ~Process();
  Process(Process&&) noexcept;
  Process& operator=(Process&&) noexcept;

  // The child: the program, or its keeper.
  int pid() const;
  // Sends a signal to the whole process group; nothing once it was reported.
  void kill(int signal);

 private:
  struct State;
  explicit Process(State* state);
  State* state_;
};

}  // namespace clade::loop
