// The simulated disk as a SQLite file system (VFS): files, locks, and the shared memory of the write-ahead
// log. SQLite's time and randomness come from here, too. One thread.
#pragma once

#include <cstdint>
#include <functional>

#include "sim/disk.h"

namespace sim {

// What the database of a host is called on the disk.
inline constexpr const char* kDatabase = "/sim/clade.db";
// The name under which SQLite knows this file system.
inline constexpr const char* kFileSystem = "sim";

// Registers the file system, as SQLite's default: nothing may reach the machine's own disk. Once.
void register_file_system();

// Puts a disk under the file system for as long as this lives; `wall_ms` is SQLite's clock.
class Mounted {
 public:
  Mounted(Disk& disk, uint64_t seed, std::function<int64_t()> wall_ms);
  ~Mounted();
  Mounted(const Mounted&) = delete;
  Mounted& operator=(const Mounted&) = delete;
};

}  // namespace sim
