// The record of a run: its row in the store, and what `clade replay` needs to run it again: the state that it
// began with and every answer that it got.
#pragma once

#include <cstdint>
#include <string>

#include "run/run.h"
#include "run/status.h"
#include "store/writer.h"

namespace clade::run {

// So many bytes of reads, in memory, are kept of a run whose reads no await made part of its journal: a role
// that reads all tasks in each of its runs must not fill the disk. A run that read more cannot be replayed.
inline constexpr size_t kMostKeptReads = 1u << 20;

// Puts the row of a run into `batch`: inserts it, or updates one that is there; with any status but
// `running`, what it read too. `now` in ms since 1970.
void record_run(Run& run, RunStatus status, const std::string& error, int64_t now, store::Batch& batch);

}  // namespace clade::run
