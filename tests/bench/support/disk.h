// The disk that everything durable waits for.
#pragma once

#include <string>

namespace bench {

// Prints PART_disk: how often a second 512 bytes can be appended to a file and synced (fdatasync) below the
// build folder, now. Figures of different times, or beside other programs that write, compare only where this
// does.
void print_disk(const std::string& part);

}  // namespace bench
