// Tasks as the store has them, for people and other processes: no queue in memory is needed.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "queue/task.h"
#include "store/database.h"

namespace clade::queue {

// A task as plain data: its fields by name, the state as text, payload and result as they are.
Value task_value(const Task& task);

// A task of any state from the store with its history: the fields of task_value, events = [{at, verb, state,
// run, agent, detail}] oldest first, children = ids of the tasks whose parent it is. Nil if unknown. The
// shape of `clade task show --json`. Errors: those of Statement, "corrupt".
Result<Value> task_with_history(store::Database& database, const std::string& id);

// Which tasks; an empty text means any.
struct TaskFilter {
  std::string state = {};
  std::string type = {};    // pattern
  std::string after = {};   // id of the task that they come after in the list
  std::string parent = {};  // id of the task whose runs submitted them
};

// Tasks from the store, newest first, at most `limit`. Errors: "invalid" (no such state: says which there
// are), "not_found" (no task `after`), "limit" (they take more than `most_bytes` of memory together), those
// of Statement, "corrupt".
Result<std::vector<Task>> list_tasks(store::Database& database, const TaskFilter& filter, int limit,
                                     size_t most_bytes = SIZE_MAX);

}  // namespace clade::queue
