// What is checked of a list of tasks before any of them enters the queue: each task for itself, then the
// graph they form with the tasks that exist.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "queue/task.h"

namespace clade::queue {

// A task as it is submitted.
struct NewTask {
  std::string id;       // chosen by the caller, or "" for the next "t<N>"
  bool is_new = false;  // derived from a run and its position: no other task can have this id
  std::string type;
  Value payload;
  int priority = 5;
  std::vector<std::string> after;  // ids of tasks in the queue, finished ones included, or of this submission
  std::string approval;
  std::string parent;
  int64_t run = 0;
  std::string by;  // who submits it, of whoever is no run: a person, or "host"
  int max_attempts = 3;
  int64_t due_at = 0;
};

// True if `type` matches a role's pattern: equal, or a trailing `*` stands for any rest ("scan_*").
bool type_matches(std::string_view pattern, std::string_view type);

// What the checks need to know of the queue.
struct Surroundings {
  // Is there a role for the type?
  std::function<bool(const std::string& type)> handles;
  // The types and patterns that roles handle, as text for a person; may be empty.
  std::function<std::string()> describe;
  // The state of a task that exists, or nothing.
  std::function<std::optional<State>(const std::string& id)> state;
};

// Errors: "invalid", "unknown_type", "conflict", "not_found", "cycle", "dependency_failed"; each names the
// task (by its id, or its place in the list) and what to do. Ids in `pending` count as existing and not
// finished.
Status check_submission(const std::vector<NewTask>& tasks, const std::vector<std::string>& pending,
                        const Surroundings& surroundings);

}  // namespace clade::queue
