// Takes what is over and old out of the store, so that it stays bounded however long a swarm works: a little
// at a time, on the writer's thread, between the commits of runs. What something live refers to stays,
// whatever its age.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/event_loop.h"
#include "base/result.h"
#include "base/value.h"
#include "run/kernel.h"
#include "script/manifest.h"
#include "store/blob.h"
#include "store/database.h"

namespace clade::run {

// What was taken away.
struct Removed {
  int64_t tasks = 0;
  int64_t runs = 0;
  int64_t messages = 0;
  int64_t proposals = 0;
  int64_t files_given_up = 0;  // rows of files that were never written
  int64_t blobs = 0;

  // Counts more in.
  void add(const Removed& more);
  // {tasks, runs, messages, proposals, blobs}
  Value value() const;
};

// How far a walk through the store has come; it visits what is old enough to go, oldest first.
struct Sweep {
  enum class Part { tasks, runs, messages, proposals, blobs, done };
  Part part = Part::tasks;
  int64_t after = 0;  // in the part's own numbers
};

// Does the next slice of a walk inside a change on the writer's thread: looks at no more than some hundred
// rows, and moves `sweep` on. `path`: of the database. What goes is counted in the sums and marks that stay.
// Errors: those of Statement and of Blobs.
Result<Removed> sweep_slice(store::Database& database, const std::string& path, const store::Blobs& blobs,
                            const script::RetentionRules& rules, int64_t now_ms, Sweep& sweep);

// Walks through the store of a running host again and again. Thread: the loop's.
class Retention {
 public:
  using Commit = std::function<void(store::Batch batch, std::function<void(Status)> done)>;
  Retention(const Kernel& kernel, const script::RetentionRules& rules, Commit commit);
  ~Retention();

  // Begins the first walk soon; the next ones follow.
  void start();
  void stop();
  // Since the start.
  const Removed& removed() const { return removed_; }

 private:
  void slice();
  void ended(const Removed& part, const Sweep& sweep);

  Kernel kernel_;
  script::RetentionRules rules_;
  Commit commit_;
  std::unique_ptr<Timer> timer_;
  Sweep sweep_;
  Removed removed_;
  Removed of_walk_;
  bool stopped_ = true;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace clade::run
