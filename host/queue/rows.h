// A task and its events as rows of the store: the only text of SQL that writes them. The writing functions
// add a change to the batch and own what they write; they run on the writer's thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "queue/task.h"
#include "store/database.h"
#include "store/writer.h"

namespace clade::queue {

// The columns that `read_task` expects, in its order, from 0.
inline constexpr std::string_view kTaskColumns =
    "id, type, state, priority, payload, result, parent, run, approval, reviewer, attempt, max_attempts, "
    "error, "
    "created_at, updated_at, due_at, lease_run, lease_epoch, lease_until, seq";
inline constexpr int kTaskColumnCount = 20;

// Two edges that are one moment are one row: its verb names both, its state is that after the second.
inline constexpr const char* kSubmitted = "submit enqueue";
inline constexpr const char* kStarted = "assign start";

// A verb and the state after it.
struct Step {
  std::string verb;
  std::string state;
};
// The edges of a row with this verb and state, one or two.
std::vector<Step> steps_of(const std::string& verb, const std::string& state);

// One line of a task's history.
struct Event {
  std::string task;
  int64_t at = 0;     // ms since 1970
  std::string verb;   // of the life cycle, kSubmitted, kStarted, "submit", "note" (something it waits for
                      // changed) or "late" (refused write)
  std::string state;  // after it
  int64_t run = 0;
  std::string agent;  // the agent, or who else did it: a person, or "host"
  std::string detail;
};

// The task of a row selected with kTaskColumns; `after` is left empty. Errors: "corrupt" (names task and
// column).
Result<Task> read_task(const store::Statement& row);
// The ids a task depends on. Errors: those of Statement.
Result<std::vector<std::string>> read_dependencies(store::Database& database, const std::string& id);

// A new task and its dependencies.
void insert_task(const Task& task, store::Batch& batch);
// Everything of a task that changes, and its result only if it did: it may be large.
void update_task(const Task& task, bool with_result, store::Batch& batch);
// What somebody did who is no run goes into the audit.
void insert_event(Event event, store::Batch& batch);

}  // namespace clade::queue
