// Gives back space: blobs that no row names, and pages of the database that nothing is on. In slices on the
// writer's thread beside a host at work, or as a whole without one.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "store/blob.h"
#include "store/database.h"

namespace clade::store {

struct Vacuumed {
  int64_t blobs = 0;  // files that were removed, and their bytes
  int64_t blob_bytes = 0;
  int64_t bytes = 0;  // of the database that were given back
  int next = -1;      // the slice to do next; -1: done
  int slices = 1;     // how many there are in all, as far as known
};

// Removes the blobs of a group that no row names: neither as `committed`, a connection of its own, sees it,
// nor as `writing` does, inside its transaction. So one whose row is being written stays, and one whose row
// is being removed stays until that is on disk. To be called on the writer's thread. Errors: those of
// Statement and of Blobs.
Result<Vacuumed> collect_blobs(Database& writing, Database& committed, const Blobs& blobs, int group);

// Does slice `slice` (first 0) inside a change on the writer's thread; `path`: of the database. Each takes
// some milliseconds. Errors: "refused" (the file was made by an earlier clade and can only be vacuumed as a
// whole: says how), those of Statement and of Blobs.
Result<Vacuumed> vacuum_slice(Database& writing, const std::string& path, const Blobs& blobs, int slice);

// Does all of it, and makes the file one that can be vacuumed in slices. Nobody else may be writing. Needs up
// to twice the database's size on disk. Errors: those of Statement ("busy") and of Blobs.
Result<Vacuumed> vacuum_all(Database& database, const std::string& path, const Blobs& blobs);

}  // namespace clade::store
