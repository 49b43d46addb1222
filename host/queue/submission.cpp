#include "queue/submission.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/codec.h"

namespace clade::queue {
namespace {

constexpr size_t kLongestType = 100;

bool is_type_name(std::string_view text) {
  auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  auto allowed = [&](char c) {
    return letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
  };
  return !text.empty() && text.size() <= kLongestType && letter(text.front()) &&
         std::all_of(text.begin(), text.end(), allowed);
}

// How an error names a task that may not have an id yet.
std::string label(const std::vector<NewTask>& tasks, size_t position) {
  const NewTask& task = tasks[position];
  if (!task.id.empty()) return "task " + legible(task.id);
  if (tasks.size() == 1) return "the task";
  return "task " + std::to_string(position + 1) + " of the submission (type " + in_quotes(task.type) + ")";
}

Status check_alone(const std::vector<NewTask>& tasks, size_t position, const Surroundings& surroundings) {
  const NewTask& task = tasks[position];
  const std::string who = label(tasks, position);
  if (!is_type_name(task.type)) {
    return failure("invalid", who + ": the type " + in_quotes(task.type) +
                                  " is no name: use letters, digits, \"_\", \"-\" and \".\", a "
                                  "letter first, at most " +
                                  std::to_string(kLongestType));
  }
  if (task.priority < 1 || task.priority > 10) {
    return failure("invalid", who + ": the priority " + std::to_string(task.priority) +
                                  " is out of range: use 1 (last) to 10 (first)");
  }
  if (task.max_attempts < 1) {
    return failure("invalid",
                   who + ": max_attempts is " + std::to_string(task.max_attempts) + ": use 1 or more");
  }
  if (auto status = check_json(task.payload); !status) {
    return failure(status.error().code, who + ": payload: " + status.error().message);
  }
  if (surroundings.handles && !surroundings.handles(task.type)) {
    const std::string known = surroundings.describe ? surroundings.describe() : "";
    return failure("unknown_type",
                   who + ": no role handles " + in_quotes(task.type) +
                       (known.empty() ? ": add the type to a role's `tasks`" : ": there are " + known));
  }
  return {};
}

// Finds a circle among the tasks of the list (tasks that exist cannot depend on new ones).
class CircleSearch {
 public:
  explicit CircleSearch(const std::map<std::string, const NewTask*>& tasks) : tasks_(tasks) {}

  Status run() {
    for (const auto& [id, task] : tasks_) {
      if (auto circle = visit(id); !circle.empty()) {
        return failure("cycle", "the tasks depend on each other in a circle: " + circle +
                                    ": take one of these dependencies away");
      }
    }
    return {};
  }

 private:
  // Depth first without recursion: a list may be long.
  std::string visit(const std::string& start) {
    if (done_.count(start)) return {};
    struct Step {
      std::string id;
      size_t next;
    };
    std::vector<Step> path = {{start, 0}};
    std::set<std::string> on_path = {start};
    while (!path.empty()) {
      const auto& after = tasks_.at(path.back().id)->after;
      if (path.back().next == after.size()) {
        done_.insert(path.back().id);
        on_path.erase(path.back().id);
        path.pop_back();
        continue;
      }
      const std::string& next = after[path.back().next++];
      if (!tasks_.count(next) || done_.count(next)) continue;
      if (on_path.count(next)) {
        std::string text;
        bool inside = false;
        for (const auto& step : path) {
          inside = inside || step.id == next;
          if (inside) text += step.id + " → ";
        }
        return text + next;
      }
      on_path.insert(next);
      path.push_back({next, 0});
    }
    return {};
  }

  const std::map<std::string, const NewTask*>& tasks_;
  std::set<std::string> done_;
};

}  // namespace

bool type_matches(std::string_view pattern, std::string_view type) {
  if (!pattern.empty() && pattern.back() == '*') {
    pattern.remove_suffix(1);
    return type.substr(0, pattern.size()) == pattern;
  }
  return pattern == type;
}

Status check_submission(const std::vector<NewTask>& tasks, const std::vector<std::string>& pending,
                        const Surroundings& surroundings) {
  std::map<std::string, const NewTask*> by_id;
  for (size_t i = 0; i < tasks.size(); ++i) {
    if (auto status = check_alone(tasks, i, surroundings); !status) return status;
    if (tasks[i].id.empty()) continue;
    if (!tasks[i].is_new && surroundings.state(tasks[i].id)) {
      return failure("conflict",
                     "there is a task " + legible(tasks[i].id) + " already: choose another id, or none");
    }
    if (!by_id.emplace(tasks[i].id, &tasks[i]).second) {
      return failure("conflict",
                     "the id " + tasks[i].id + " appears twice in the submission: choose another");
    }
  }
  const std::set<std::string> outbox(pending.begin(), pending.end());
  for (size_t i = 0; i < tasks.size(); ++i) {
    for (const auto& dependency : tasks[i].after) {
      if (by_id.count(dependency) || outbox.count(dependency)) continue;
      const auto state = surroundings.state(dependency);
      if (!state) {
        return failure("not_found", label(tasks, i) + " depends on " + legible(dependency) +
                                        ", which does not exist: see `clade task list`");
      }
      if (*state == State::cancelled || *state == State::dead_letter) {
        return failure("dependency_failed", label(tasks, i) + " depends on " + dependency + ", which ended " +
                                                name(*state) + ": `clade task retry " + dependency +
                                                "` first, or leave the dependency out");
      }
    }
  }
  const bool any_within = std::any_of(tasks.begin(), tasks.end(), [&](const NewTask& task) {
    return std::any_of(task.after.begin(), task.after.end(),
                       [&](const auto& id) { return by_id.count(id) > 0; });
  });
  return any_within ? CircleSearch(by_id).run() : Status();
}

}  // namespace clade::queue
