// The keeper: a small process between the host and a program, so that nothing of the program outlives the
// host, however that ends. It is this executable started anew (`clade keeper FILE ARGUMENT…`, see Keeper in
// loop/process.h), leads the session, and runs the program in a process group beside its own. It ends when
// the host hangs up, or is gone, and only once nothing of the group is left: what it holds open until then
// tells others that it is over.
//
//   host                         keeper                        program
//    │ spawn, with a socket ──────▶│ fork, exec ────────────────▶│
//    │◀────────── started (its pid)│                             │
//    │ one byte per signal ───────▶│ to the group ──────────────▶│
//    │◀──────────────────── failed │ if there was no exec        │
//    │◀───────────────────── ended │◀────────────────────────────┤ (its number stays taken: not reaped)
//    │ end of stream, or death ───▶│ SIGKILL to the group, and waits for the last of it
//    ✕                             ✕
#pragma once

#include <cstdint>

namespace clade::loop {

// What the keeper finds open beside the three standard descriptors.
inline constexpr int kKeeperSocket = 3;  // a stream socket whose other end is the host's
inline constexpr int kKeeperHeld = 4;    // Keeper::held, perhaps: closed by its end alone

// What the keeper says, as bytes of this process's own layout: both ends are the same executable.
struct KeeperReport {
  enum class Kind : int32_t {
    started,  // value: the program's process, which leads its group
    failed,   // value: the errno of the fork or exec that failed
    ended,    // value: the program's wait status; cpu_us: as ProcessExit has it
  };
  Kind kind = Kind::started;
  int32_t value = 0;
  int64_t cpu_us = 0;
};

// The keeper's own main function, for `clade keeper FILE ARGUMENT…`: runs FILE with these arguments, its name
// first. Returns the exit status, which tells only whether the program could be started.
int keeper_main(char** arguments);

}  // namespace clade::loop
