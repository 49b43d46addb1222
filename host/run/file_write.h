// The files that committed runs want written: where they may lie, and how one is written.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "run/kernel.h"

namespace clade::run {

// Can a run ask for this file, as things stand on disk? For the call itself: what changes before the commit
// is seen by write_file. Errors: "refused" (a part that is empty, ".", ".." or a symbolic link, a slash at
// the end, a folder of this name, or a closed place), "io". Closed are agents/, skills/, scripts/, swarm.yaml
// and .clade/ of the swarm, in whatever case, also when the report folder leads there; and .git anywhere.
Status check_file(const Kernel& kernel, const std::string& path);

// Writes one file, atomically. "report/…" goes to the report folder, anything else below the swarm's; links
// that lie in there are not followed, closed places not written. Errors: "refused", "io", "not_found",
// "no_space". Thread: any; of the kernel only the folders are used.
Status write_file(const Kernel& kernel, const std::string& path, const std::string& content);

// How many files were given up so far, and how many are still to be written.
struct UnwrittenFiles {
  int64_t given_up = 0;
  int64_t open = 0;
};
// Errors: those of the store.
Result<UnwrittenFiles> unwritten_files(store::Database& reader);

}  // namespace clade::run
