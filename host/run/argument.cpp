#include "run/argument.h"

#include "queue/history.h"

namespace clade::run {

Value argument_of(const queue::Task& task) {
  return Value{{"id", task.id},           {"type", task.type},
               {"payload", task.payload}, {"priority", task.priority},
               {"attempt", task.attempt}, {"parent", task.parent},
               {"error", task.error}};
}

Value argument_of(const mail::Message& message) {
  Value argument{{"id", message.id},     {"sender", message.sender}, {"kind", message.kind},
                 {"body", message.body}, {"thread", message.thread}, {"wants_reply", message.wants_reply}};
  if (message.ephemeral) argument.set("ephemeral", true);
  return argument;
}

Result<Value> past_argument(store::Database& database, Trigger trigger, const std::string& id,
                            int64_t attempt, const std::string& error) {
  if (trigger == Trigger::mail) {
    auto message = mail::stored_message(database, id);
    if (!message) return failure(message.error());
    return argument_of(*message);
  }
  auto stored = queue::task_with_history(database, id);
  if (!stored) return failure(stored.error());
  if (stored->is_nil()) return failure("not_found", "task " + id + " is not in the store any more");
  queue::Task task;
  task.id = id;
  task.type = (*stored)["type"].as_string();
  task.payload = (*stored)["payload"];
  task.priority = static_cast<int>((*stored)["priority"].as_integer());
  task.attempt = static_cast<int>(attempt);
  task.parent = (*stored)["parent"].as_string();
  task.error = error;
  return argument_of(task);
}

}  // namespace clade::run
