#include "queue/rows.h"

#include "base/codec.h"
#include "store/audit.h"

namespace clade::queue {
namespace {

Result<Value> read_json(const store::Statement& row, int column, const std::string& id, const char* what) {
  auto value = decode_json(row.text(column), kStoredLimits);
  if (!value) {
    return failure("corrupt", "task " + id + ", column " + what + ": " + value.error().message +
                                  "; the store was changed by another program");
  }
  return value;
}

}  // namespace

Result<Task> read_task(const store::Statement& row) {
  Task task;
  task.id = row.text(0);
  task.type = row.text(1);
  auto state = state_from_name(row.text(2));
  if (!state)
    return failure("corrupt", "task " + task.id + " is in the unknown state \"" + row.text(2) + "\"");
  task.state = *state;
  task.priority = static_cast<int>(row.integer(3));
  auto payload = read_json(row, 4, task.id, "payload");
  if (!payload) return failure(payload.error());
  task.payload = std::move(*payload);
  auto result = read_json(row, 5, task.id, "result");
  if (!result) return failure(result.error());
  task.result = std::move(*result);
  task.parent = row.text(6);
  task.run = row.integer(7);
  task.approval = row.text(8);
  task.reviewer = row.text(9);
  task.attempt = static_cast<int>(row.integer(10));
  task.max_attempts = static_cast<int>(row.integer(11));
  task.error = row.text(12);
  task.created_at = row.integer(13);
  task.updated_at = row.integer(14);
  task.due_at = row.integer(15);
  task.lease_run = row.integer(16);
  task.lease_epoch = row.integer(17);
  task.lease_until = row.integer(18);
  task.seq = row.integer(19);
  return task;
}

Result<std::vector<std::string>> read_dependencies(store::Database& database, const std::string& id) {
  std::vector<std::string> after;
  auto query = database.prepare("SELECT after FROM task_dependency WHERE task = ?1 ORDER BY after");
  query.bind(1, id);
  while (true) {
    auto row = query.step();
    if (!row) return failure(row.error());
    if (!*row) return after;
    after.push_back(query.text(0));
  }
}

void insert_task(const Task& task, store::Batch& batch) {
  struct Row {
    std::string id, type, parent, approval, reviewer, error;
    std::vector<std::string> after;
    State state;
    int64_t seq, priority, run, attempt, max_attempts, created_at, updated_at, due_at;
    int64_t lease_run, lease_epoch, lease_until;
  };
  std::string payload = encode_json(task.payload);
  std::string result = encode_json(task.result);
  const size_t bytes = payload.size() + result.size();
  Row row{task.id,     task.type,      task.parent,       task.approval,   task.reviewer,
          task.error,  task.after,     task.state,        task.seq,        task.priority,
          task.run,    task.attempt,   task.max_attempts, task.created_at, task.updated_at,
          task.due_at, task.lease_run, task.lease_epoch,  task.lease_until};
  const auto insert_row = [row = std::move(row), payload = std::move(payload),
                           result = std::move(result)](store::Database& database) -> Status {
    auto insert = database.prepare(
        "INSERT INTO task (id, type, state, priority, payload, result, parent, run, approval, reviewer, "
        "attempt, "
        "max_attempts, error, created_at, updated_at, due_at, lease_run, lease_epoch, lease_until, "
        "seq) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, "
        "?20)");
    insert.bind_borrowed(1, row.id).bind_borrowed(2, row.type).bind_borrowed(3, name(row.state));
    insert.bind(4, row.priority).bind_borrowed(5, payload).bind_borrowed(6, result);
    insert.bind_borrowed(7, row.parent)
        .bind(8, row.run)
        .bind_borrowed(9, row.approval)
        .bind_borrowed(10, row.reviewer);
    insert.bind(11, row.attempt).bind(12, row.max_attempts);
    insert.bind_borrowed(13, row.error)
        .bind(14, row.created_at)
        .bind(15, row.updated_at)
        .bind(16, row.due_at);
    insert.bind(17, row.lease_run).bind(18, row.lease_epoch).bind(19, row.lease_until).bind(20, row.seq);
    if (auto status = insert.run(); !status) return status;
    for (const auto& dependency : row.after) {
      auto link = database.prepare("INSERT INTO task_dependency (task, after) VALUES (?1, ?2)");
      if (auto status = link.bind(1, row.id).bind(2, dependency).run(); !status) return status;
    }
    return {};
  };
  batch.add(insert_row, bytes);
}

void update_task(const Task& task, bool with_result, store::Batch& batch) {
  struct Row {
    std::string reviewer, error, result;
    State state;
    int64_t seq, attempt, updated_at, due_at, lease_run, lease_epoch, lease_until;
  };
  Row row{task.reviewer,    task.error,      with_result ? encode_json(task.result) : std::string(),
          task.state,       task.seq,        task.attempt,
          task.updated_at,  task.due_at,     task.lease_run,
          task.lease_epoch, task.lease_until};
  const size_t bytes = row.result.size();
  const auto update_row = [row = std::move(row), with_result](store::Database& database) -> Status {
    auto update = database.prepare(
        with_result ? "UPDATE task SET state = ?2, reviewer = ?3, attempt = ?4, error = ?5, updated_at = ?6, "
                      "due_at = "
                      "?7, lease_run = ?8, lease_epoch = ?9, lease_until = ?10, result = ?11 WHERE seq = ?1"
                    : "UPDATE task SET state = ?2, reviewer = ?3, attempt = ?4, error = ?5, updated_at = ?6, "
                      "due_at = "
                      "?7, lease_run = ?8, lease_epoch = ?9, lease_until = ?10 WHERE seq = ?1");
    update.bind(1, row.seq).bind_borrowed(2, name(row.state)).bind_borrowed(3, row.reviewer);
    update.bind(4, row.attempt).bind_borrowed(5, row.error).bind(6, row.updated_at).bind(7, row.due_at);
    update.bind(8, row.lease_run).bind(9, row.lease_epoch).bind(10, row.lease_until);
    if (with_result) update.bind_borrowed(11, row.result);
    return update.run();
  };
  batch.add(update_row, bytes);
}

std::vector<Step> steps_of(const std::string& verb, const std::string& state) {
  if (verb == kSubmitted) return {{"submit", name(State::created)}, {name(Verb::enqueue), state}};
  if (verb == kStarted) return {{name(Verb::assign), name(State::assigned)}, {name(Verb::start), state}};
  return {{verb, state}};
}

void insert_event(Event event, store::Batch& batch) {
  const bool is_act = event.run == 0 && !event.agent.empty();
  batch.add([event = std::move(event)](store::Database& database) -> Status {
    auto insert = database.prepare(
        "INSERT INTO task_event (task, at, verb, state, run, agent, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6, "
        "?7)");
    insert.bind_borrowed(1, event.task)
        .bind(2, event.at)
        .bind_borrowed(3, event.verb)
        .bind_borrowed(4, event.state);
    insert.bind(5, event.run).bind_borrowed(6, event.agent).bind_borrowed(7, event.detail);
    return insert.run();
  });
  if (is_act) store::note_act("task_event", "", batch);
}

}  // namespace clade::queue
