// The child side of a cell: reads frames from one descriptor, runs Lua, writes frames. Called by the zygote's
// child once it is shut in. Nothing here is trusted by the host.
#pragma once

#include <cstddef>

namespace clade::vm {

struct Warm;

struct CellOptions {
  size_t memory_bytes = 256u << 20;  // cap of all VMs of this cell together (the allocator's)
  Warm* warm = nullptr;              // what the zygote has made ahead; borrowed
};

// Exit status of a cell whose VMs, each within its own cap, would pass the cell's together. The host gives
// one of them a cell of its own.
inline constexpr int kCellFull = 122;

// Serves frames until the descriptor closes; returns the exit status. SIGUSR1 and SIGPROF arm the hook that
// stops the running script: install_interrupt_handlers() before the seccomp filter is on.
int serve_cell(int descriptor, const CellOptions& options);
void install_interrupt_handlers();

}  // namespace clade::vm
