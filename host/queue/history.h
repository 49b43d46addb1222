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

// Tasks from the store, newest first. `state` and `type` (pattern) may be "". At most `limit`, those that
// come after the task `after` if it is not "". Errors: "invalid" (no such state: says which there are),
// "not_found" (no task `after`), "limit" (they take more than `most_bytes` of memory together), those of
// Statement, "corrupt".
Result<std::vector<Task>> list_tasks(store::Database& database, const std::string& state,
                                     const std::string& type, int limit, size_t most_bytes = SIZE_MAX,
                                     const std::string& after = "");

}  // namespace clade::queue
