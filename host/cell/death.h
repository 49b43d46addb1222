// What the end of a cell means, in words.
#pragma once

#include <string>

#include "cell/zygote.h"

namespace clade::cell {

// "SIGSEGV"; "signal 77" for one without a name.
std::string signal_name(int number);
// Why a cell is gone, as a clause: "it was killed by SIGSYS (a forbidden system call)".
std::string describe_exit(const CellExit& exit);

}  // namespace clade::cell
