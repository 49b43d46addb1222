#include "queue/history.h"

#include <optional>

#include "queue/rows.h"

namespace clade::queue {
namespace {

Value array_of(const std::vector<std::string>& texts) {
  Value::Array array;
  for (const auto& text : texts) array.emplace_back(text);
  return array;
}

Result<Value> read_events(store::Database& database, const std::string& id) {
  Value::Array events;
  auto query = database.prepare(
      "SELECT at, verb, state, run, agent, detail FROM task_event WHERE task = ?1 ORDER BY seq");
  query.bind(1, id);
  while (true) {
    auto row = query.step();
    if (!row) return failure(row.error());
    if (!*row) return Value(std::move(events));
    for (const auto& step : steps_of(query.text(1), query.text(2))) {
      events.push_back(Value{{"at", query.integer(0)},
                             {"verb", step.verb},
                             {"state", step.state},
                             {"run", query.integer(3)},
                             {"agent", query.text(4)},
                             {"detail", query.text(5)}});
    }
  }
}

Result<Value> read_children(store::Database& database, const std::string& id) {
  Value::Array children;
  auto query = database.prepare("SELECT id FROM task WHERE parent = ?1 AND parent <> '' ORDER BY seq");
  query.bind(1, id);
  while (true) {
    auto row = query.step();
    if (!row) return failure(row.error());
    if (!*row) return Value(std::move(children));
    children.emplace_back(query.text(0));
  }
}

// The ids that an index alone tells, at most `limit`: no row is read that the list does not have.
Result<std::vector<std::string>> list_ids(store::Database& database, const TaskFilter& filter, int limit) {
  const auto& [state, type, after, parent] = filter;
  int64_t before = INT64_MAX;
  if (!after.empty()) {
    auto query = database.prepare("SELECT seq FROM task WHERE id = ?1");
    query.bind(1, after);
    auto row = query.step();
    if (!row) return failure(row.error());
    if (!*row)
      return failure("not_found", "there is no task \"" + after + "\" that a list could go on after");
    before = query.integer(0);
  }
  const bool is_prefix = !type.empty() && type.back() == '*';
  std::string sql = "SELECT id FROM task WHERE ?1 = ?1 AND ?2 = ?2 AND seq < ?4";
  if (!state.empty()) sql += " AND state = ?1";
  if (!type.empty()) sql += is_prefix ? " AND type >= ?2 AND type < ?2 || char(1114111)" : " AND type = ?2";
  if (!parent.empty()) sql += " AND parent = ?5 AND parent <> ''";
  // Without `+`, all rows would be looked through for the few of a prefix or parent, as they are in this
  // order already.
  const bool is_few = (is_prefix && state.empty()) || !parent.empty();
  sql += is_few ? " ORDER BY +seq DESC LIMIT ?3" : " ORDER BY seq DESC LIMIT ?3";
  auto query = database.prepare(sql);
  query.bind(1, state);
  query.bind(2, std::string_view(type).substr(0, type.size() - (is_prefix ? 1 : 0)));
  query.bind(3, static_cast<int64_t>(limit < 0 ? 0 : limit));
  query.bind(4, before);
  if (!parent.empty()) query.bind(5, parent);
  std::vector<std::string> ids;
  while (true) {
    auto row = query.step();
    if (!row) return failure(row.error());
    if (!*row) return ids;
    ids.push_back(query.text(0));
  }
}

// Nothing if there is no such task.
Result<std::optional<Task>> stored_task(store::Database& database, const std::string& id) {
  auto query = database.prepare("SELECT " + std::string(kTaskColumns) + " FROM task WHERE id = ?1");
  query.bind(1, id);
  auto row = query.step();
  if (!row) return failure(row.error());
  if (!*row) return std::optional<Task>();
  auto task = read_task(query);
  if (!task) return failure(task.error());
  auto after = read_dependencies(database, id);
  if (!after) return failure(after.error());
  task->after = std::move(*after);
  return std::optional<Task>(std::move(*task));
}

}  // namespace

Value task_value(const Task& task) {
  return Value{{"id", task.id},
               {"type", task.type},
               {"state", name(task.state)},
               {"priority", task.priority},
               {"payload", task.payload},
               {"result", task.result},
               {"parent", task.parent},
               {"run", task.run},
               {"after", array_of(task.after)},
               {"approval", task.approval},
               {"reviewer", task.reviewer},
               {"attempt", task.attempt},
               {"max_attempts", task.max_attempts},
               {"error", task.error},
               {"created_at", task.created_at},
               {"updated_at", task.updated_at},
               {"due_at", task.due_at},
               {"lease_run", task.lease_run},
               {"lease_epoch", task.lease_epoch},
               {"lease_until", task.lease_until}};
}

Result<Value> task_with_history(store::Database& database, const std::string& id) {
  auto task = stored_task(database, id);
  if (!task) return failure(task.error());
  if (!*task) return Value();
  auto events = read_events(database, id);
  if (!events) return failure(events.error());
  auto children = read_children(database, id);
  if (!children) return failure(children.error());
  Value value = task_value(**task);
  value.set("events", std::move(*events));
  value.set("children", std::move(*children));
  return value;
}

Result<std::vector<Task>> list_tasks(store::Database& database, const TaskFilter& filter, int limit,
                                     size_t most_bytes) {
  const std::string& state = filter.state;
  if (!state.empty() && !state_from_name(state)) {
    std::string known;
    for (int i = 0; i < kStates; ++i) {
      known += (i ? ", " : "") + std::string(name(static_cast<State>(i)));
    }
    return failure("invalid", "there is no state \"" + state + "\": use one of " + known);
  }
  const auto ids = list_ids(database, filter, limit);
  if (!ids) return failure(ids.error());
  std::vector<Task> tasks;
  size_t bytes = 0;
  for (const auto& id : *ids) {
    auto task = stored_task(database, id);
    if (!task) return failure(task.error());
    // A host is at work meanwhile: what went on to another state is not listed.
    if (!*task || (!state.empty() && name((*task)->state) != state)) continue;
    const Task& one = **task;
    bytes += one.payload.footprint() + one.result.footprint() + one.approval.size() + one.error.size();
    if (bytes > most_bytes) {
      return failure("limit", "these tasks take more than " + std::to_string(most_bytes >> 20) +
                                  " MB of memory together: ask for fewer with `limit`, `state` or `type`");
    }
    tasks.push_back(*std::move(*task));
  }
  return tasks;
}

}  // namespace clade::queue
