// Does the state make sense? What the tables say of each other, and whether their values can be read.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/check.h"
#include "store/database.h"

namespace clade::run {

struct StateReport {
  std::vector<store::Finding> findings;
  int64_t rows = 0;   // whose values were read
  int64_t blobs = 0;  // that were read
  // True if nothing but warnings was found.
  bool clean() const;
};

// Reads the whole state; a host may be at work on it. Each question is asked of one moment's state. `blobs`:
// the folder of the database's blobs. Errors: those of Statement when the database cannot be read at all;
// what cannot be read of it is a finding.
Result<StateReport> check_state(store::Database& database, const store::Blobs& blobs,
                                const store::BlobCheck& options, const store::CheckProgress& progress);

}  // namespace clade::run
