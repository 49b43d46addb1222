// The files that committed runs want written: rows of file_write, done after the commit and again after a
// crash.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "run/kernel.h"
#include "store/writer.h"

namespace clade::run {

// Can a run ask for this file, as things stand on disk? For the call itself: what changes before the commit
// is seen by write_files. Errors: "refused" (a part that is empty, ".", ".." or a symbolic link, a slash at
// the end, a folder of this name, or a closed place), "io". Closed are agents/, skills/, scripts/, swarm.yaml
// and .clade/ of the swarm, in whatever case, also when the report folder leads there; and .git anywhere.
Status check_file(const Kernel& kernel, const std::string& path);

// Writes every file whose row is open, oldest first, each atomically, and puts the closing of their rows into
// `batch`. "report/…" goes to the report folder, anything else below the swarm's; links that lie in there are
// not followed, closed places not written. A file that cannot be written is logged and given up: its row says
// so and keeps the content. Errors: "no_space" (the rest stays open), those of the store.
Status write_files(const Kernel& kernel, store::Batch& batch);

// How many files were given up so far, and how many are still to be written.
struct UnwrittenFiles {
  int64_t given_up = 0;
  int64_t open = 0;
};
// Errors: those of the store.
Result<UnwrittenFiles> unwritten_files(store::Database& reader);

}  // namespace clade::run
