// Is the store whole? What SQLite and the folder of blobs can tell; run/check.h adds what the rows mean.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/blob.h"
#include "store/database.h"

namespace clade::store {

// Something that is not as it should be.
struct Finding {
  bool warning = false;  // true: nothing is lost, and the host works with it
  std::string where;     // "task t7"
  std::string what;      // "it is queued, but its last event says completed"
  std::string advice;    // what to do about it
};

// Collects findings; of one kind of problem the first ones, and how many more there are.
class Findings {
 public:
  // `kind` groups what is counted together.
  void add(const std::string& kind, Finding finding);
  // All of them, with "… and N more" per kind at the end.
  std::vector<Finding> take();

 private:
  struct Kind {
    std::string name;
    std::vector<Finding> findings;
    int64_t more = 0;
  };
  std::vector<Kind> kinds_;
};

// Told what is looked at, and how much of it was so far.
using CheckProgress = std::function<void(const std::string& what, int64_t done)>;

// SQLite's own checks of the file and of the references between tables. A check that cannot be made is a
// finding too.
void check_file(Database& database, Findings& findings, const CheckProgress& progress);

struct BlobCheck {
  // A file that no row names and that is younger than this (ms since 1970) may wait for its row.
  int64_t younger_than = INT64_MAX;
};
// The blobs that rows name are there and whole; what else lies in their folder is a warning. Returns how many
// were read. Errors: those of Statement, and of Blobs::list.
Result<int64_t> check_blobs(Database& database, const Blobs& blobs, const BlobCheck& options,
                            Findings& findings, const CheckProgress& progress);

}  // namespace clade::store
