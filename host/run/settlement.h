// What committed changes call for, in the same batch as the change: mail about dead letters, automatic
// approvals, reviews that ended without a verdict, votes that are decided; and the commit of a run's outbox
// itself.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "run/kernel.h"
#include "run/run.h"
#include "store/writer.h"

namespace clade::run {

// What remains to be done once a run's batch is on disk.
struct AfterCommit {
  std::vector<std::string> published;  // names whose files are to be written back
  std::vector<int64_t> files;          // rows of file_write
};

class Settlement {
 public:
  // `approve_auto`: approvals are given at once, recorded as given by nobody.
  Settlement(const Kernel& kernel, bool approve_auto);

  // To be called for every edge of every task (Queue::observe).
  void observe(const queue::Task& task, queue::Verb verb);
  // Finds what an earlier host left undone: approvals to give, reviews whose reviewer is gone. Once, at
  // start.
  void recover();
  // Carries out what is due, into `batch`. Call with every batch that changed tasks or votes, and when a
  // deadline passes. If the store could not be read at any time, the batch fails, and all that follow: what
  // was decided since is not what the store calls for.
  void settle(store::Batch& batch);

  // Applies the outbox of a run whose handler returned, and consumes its task or message. All or nothing: on
  // an error
  // ("fenced" if the task is no longer this run's, or what the queue refused) no effect is in memory or in
  // the batch, but for the evidence of a late write.
  Result<AfterCommit> commit(Run& run, const Value& result, store::Batch& batch);
  // Applies the outbox of a run that goes on. Errors as of commit.
  Result<AfterCommit> split(Run& run, store::Batch& batch);

 private:
  // Is there room for what the run wants to happen? Errors: "limit".
  Status check_mail(const Outbox& outbox) const;
  Status check_proposals(const Outbox& outbox) const;
  Status consume(Run& run, const Value& result, store::Batch& batch);
  // "fenced" if the task is not the run's any more; `late` is kept as evidence then.
  Status check_lease(const Run& run, const Value& late, store::Batch& batch);
  // May all of it happen? So that nothing is half applied.
  Status check(const Run& run) const;
  Result<AfterCommit> apply(Run& run, store::Batch& batch);
  void close_votes(store::Batch& batch);
  void report_dead_letter(const queue::Task& task, store::Batch& batch);

  const Kernel& kernel_;
  bool approve_auto_;
  int64_t next_file_ = 0;
  std::vector<queue::Task> dead_letters_;
  std::vector<std::string> held_;
  // Review tasks that ended: (task under review, review task, why).
  struct Ended {
    std::string reviewed;
    std::string reviewer;
    std::string reason;
  };
  std::vector<Ended> reviews_;
};

}  // namespace clade::run
