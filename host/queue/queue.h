// The queue: every task that is not final, indexed in memory for claiming (of those that only wait for an
// agent as little as that takes, when they are many); every change also put into a store batch. A change is
// visible in memory at once and acknowledged by the caller once the batch is on disk; as batches commit in
// order, nothing that depends on a change reaches the outside before it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "queue/history.h"
#include "queue/schedule.h"
#include "queue/submission.h"
#include "queue/task.h"
#include "store/database.h"
#include "store/writer.h"

namespace clade::queue {

// How far agents may fill the queue with tasks that are not final: what they multiply takes the host's memory
// and the disk, and every neighbour's turn.
inline constexpr size_t kMostTasks = 20000;
inline constexpr size_t kMostBytes = 256u
                                     << 20;  // as they are in memory; of those before a restart not counted
// Queued tasks that are kept in memory whole, and what all tasks there may take meanwhile. What an operator
// adds beyond these is read when its turn comes.
inline constexpr size_t kMostHeld = 4096;
inline constexpr size_t kMostHeldBytes = 16u << 20;

class Queue {
 public:
  // `handles(type)`: is there a role for it? Asked at submission.
  using Handles = std::function<bool(const std::string& type)>;
  // The types and patterns that roles handle, as text for the error at submission ("scan_*, build_product").
  using Describe = std::function<std::string()>;
  // Told of every edge after it happened in memory (for dispatch, log, mail to subscribers). Called inside
  // the verb: it may read the queue, and changes it only later, from the loop.
  using Observer = std::function<void(const Task& task, Verb verb, State from)>;

  Queue(const Clock& clock, Handles handles, Describe describe = {});
  ~Queue();
  // Adds an observer.
  void observe(Observer observer);

  // Reads every task that is not final. `database` is asked later too, about final ones, and stays: the
  // loop's reading connection. Errors: those of the store.
  Status load(store::Database& database);

  // Submits tasks as one graph. All or none. Errors: "unknown_type" (no role handles it: says which roles
  // there are), "not_found" (unknown dependency), "dependency_failed" (one that ended cancelled or
  // dead_letter), "cycle" (names the circle), "conflict" (id taken), "invalid" (priority out of 1…10, payload
  // that JSON cannot hold, type that is no name). Returns the ids in order. A dependency that ends badly
  // later leaves the task blocked, with an error that says so, until that dependency is retried or the task
  // cancelled.
  Result<std::vector<std::string>> submit(std::vector<NewTask> tasks, store::Batch& batch);
  // May agents add so many more? Not asked for an operator's tasks, nor for the host's own. Errors: "limit".
  Status check_room(size_t more) const;
  // The checks of submit without the submission: for a run's outbox. Ids in `pending` count as existing.
  Status check(const std::vector<NewTask>& tasks, const std::vector<std::string>& pending) const;

  // The task of a type that `takes` accepts with the highest priority, oldest first, due at or before now, or
  // nothing; no task changes. Errors: those of the store.
  Result<std::optional<std::string>> peek(const Schedule::Takes& takes);
  // queued → assigned → executing, under a lease of `lease_ms` for `run`. Counts an attempt. Errors:
  // "not_found", "illegal" (not queued), "invalid" (a run below 1).
  Result<Lease> claim(const std::string& id, int64_t run, int64_t lease_ms, const std::string& agent,
                      store::Batch& batch);
  // Extends the lease. Errors: "fenced".
  Status renew(const std::string& id, const Lease& lease, int64_t lease_ms);

  // A claimant's writes. Each checks the token: "fenced" if the lease is another's or gone (then nothing
  // changes but that the late write is kept as evidence in task_event), "illegal" if the life cycle has no
  // such edge, "not_found". complete and review also: "invalid" if JSON cannot hold the result; then nothing
  // changes.
  Status complete(const std::string& id, const Lease& lease, Value result, store::Batch& batch);
  // failed → queued after backoff, or dead_letter when `retry` is false or no attempt is left.
  Status fail(const std::string& id, const Lease& lease, const std::string& error, bool retry,
              store::Batch& batch);
  // Back to queued without counting the attempt: the cell died by another's fault, the host restarted.
  Status release(const std::string& id, const Lease& lease, const std::string& reason, store::Batch& batch);
  // executing → reviewing; `reviewer` is the task that will accept or reject it.
  Status review(const std::string& id, const Lease& lease, Value result, const std::string& reviewer,
                store::Batch& batch);
  // The reviewer's verdict, by the review task's id. Errors: "not_found", "illegal" (not reviewing), "fenced"
  // (another task reviews it; kept as evidence). A rejected task is queued again with the reason as its
  // error, or becomes a dead letter when no attempt is left. A review task that ends as cancelled or
  // dead_letter leaves the task reviewing, with an error that says so.
  Status accept(const std::string& id, const std::string& reviewer, store::Batch& batch);
  Status reject(const std::string& id, const std::string& reviewer, const std::string& reason,
                store::Batch& batch);

  // An operator's verbs. `by` and `reason` are recorded. Errors: "not_found", "illegal" (names state and
  // verb).
  Status approve(const std::string& id, const std::string& by, const std::string& reason,
                 store::Batch& batch);
  Status refuse(const std::string& id, const std::string& by, const std::string& reason, store::Batch& batch);
  Status cancel(const std::string& id, const std::string& by, const std::string& reason, store::Batch& batch);
  // From dead_letter, failed or cancelled; a final task is read back with `database` (the loop's reading
  // connection). It gets all its attempts anew, and keeps its history and its place by age. A cancelled task
  // passes its dependencies and its approval again. Errors besides: "busy" (its end is not on disk yet: try
  // again), those of the store.
  Status retry(const std::string& id, const std::string& by, store::Database& database, store::Batch& batch);

  // Ids of the tasks whose lease ran out, for the caller to release. `extend_by_ms` first: the gap of a stall
  // or restart.
  std::vector<std::string> expired() const;
  void extend_leases(int64_t extend_by_ms);

  // A task that is not final, or nullptr (also when the store cannot be read). Valid until the next change.
  const Task* find(const std::string& id) const;
  // How many tasks are in a state that is not final.
  size_t count(State state) const;
  // The same for each state that has any, by its name.
  std::map<std::string, int64_t> counts() const;
  // The ids of tasks that are assigned, executing, reviewing or awaiting approval; none for other states.
  const std::set<std::string>& ids(State state) const;
  // How many tasks of each type are queued.
  std::map<std::string, size_t> queued_types() const;
  // When the next task that waits for its time is due (ms since 1970), or nothing. One that is due already
  // waits for an agent, not for its time.
  std::optional<int64_t> next_due() const;

 private:
  struct Index;
  std::unique_ptr<Index> index_;
};

}  // namespace clade::queue
