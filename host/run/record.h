// The record of a run: its row in the store, and what `clade replay` needs to run it again: the state that it
// began with, every answer that it got, and in which order.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/value.h"
#include "run/executor.h"
#include "run/run.h"
#include "run/status.h"
#include "store/writer.h"

namespace clade::run {

// So many bytes of reads, in memory, are kept of a run whose reads no await made part of its journal: a role
// that reads all tasks in each of its runs must not fill the disk. A run that read more cannot be replayed.
inline constexpr size_t kMostKeptReads = 1u << 20;

// Puts the row of a run into `batch`: inserts it, or updates one that is there; with any status but
// `running`, what it read and the order of its answers too. `now` in ms since 1970.
void record_run(Run& run, RunStatus status, const std::string& error, int64_t now, store::Batch& batch);

// Hands a strand of the run its answer, and notes that it was its turn.
void answer_run(Executor& executor, Run& run, const std::string& strand, Result<Value> value);

}  // namespace clade::run
