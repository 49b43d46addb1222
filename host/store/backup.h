// A copy of the state that can be taken while a host works on it: a folder with `clade.db` and `blobs/`, as
// `.clade` has them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "store/blob.h"
#include "store/database.h"

namespace clade::store {

struct Backup {
  int64_t bytes = 0;  // of the database
  int64_t blobs = 0;
};

// Told what is done, and how much of it, 0 … 1.
using BackupProgress = std::function<void(const std::string& what, double done)>;

// Copies one moment's state into the new folder `target` (mode 0700): the database, checked, and the blobs
// that its rows name. The folder appears whole and on disk, or not at all. `replace`: in the place of another
// backup. Errors: "conflict" (there is something of this name; with `replace`, something that is no backup),
// "not_found" (no such folder to put it in), "no_space", "corrupt" (what is to be copied is damaged), "io".
Result<Backup> back_up(Database& source, const Blobs& blobs, const std::string& target, bool replace,
                       const BackupProgress& progress);

}  // namespace clade::store
