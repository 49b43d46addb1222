#include "cell/death.h"

#include <csignal>
#include <cstring>

#include "cell/sandbox.h"
#include "cell/vm/cell_main.h"

namespace clade::cell {

std::string signal_name(int number) {
  const char* name = sigabbrev_np(number);
  return name ? std::string("SIG") + name : "signal " + std::to_string(number);
}

std::string describe_exit(const CellExit& exit) {
  if (!exit.failure.empty()) return exit.failure;
  if (exit.signal == SIGSYS)
    return "it was killed by SIGSYS (it made a system call that the sandbox forbids)";
  if (exit.signal == SIGSEGV || exit.signal == SIGBUS) {
    return "it was killed by " + signal_name(exit.signal) + " (deep recursion or an error inside the Lua VM)";
  }
  if (exit.signal == SIGKILL)
    return "it was killed by SIGKILL (by a person, or the system ran out of memory)";
  if (exit.signal != 0) return "it was killed by " + signal_name(exit.signal);
  if (exit.code == kNotShutIn) return "it could not shut itself in, see `clade doctor`";
  if (exit.code == vm::kCellFull) return "its agents together needed more memory than it may have";
  return "it ended by itself with status " + std::to_string(exit.code);
}

}  // namespace clade::cell
