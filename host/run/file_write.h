// The files that committed runs want written: rows of file_write, done after the commit and again after a
// crash.
#pragma once

#include "base/result.h"
#include "run/kernel.h"
#include "store/writer.h"

namespace clade::run {

// Writes every file whose row is open, oldest first, each atomically, and puts the closing of their rows into
// `batch`. "report/…" goes to the report folder, anything else below the swarm's. A file that cannot be
// written is logged and given up. Errors: "no_space" (the rest stays open), those of the store.
Status write_files(const Kernel& kernel, store::Batch& batch);

}  // namespace clade::run
