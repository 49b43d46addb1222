#include "cli/host_commands.h"

#include <memory>

#include <unistd.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "cli/folder.h"
#include "store/audit.h"
#include "store/vacuum.h"

namespace clade::cli {
namespace {

constexpr const char* kOperator = "operator";

// Who gave the command, for the record.
std::string asker(const Value& args) {
  return args["by"].as_string().empty() ? kOperator : args["by"].as_string();
}

// Tells whoever asked for something that a person refused it.
void tell_refused(const run::Kernel& kernel, const queue::Task& task, const std::string& reason,
                  store::Batch& batch) {
  auto query = kernel.reader.prepare("SELECT agent FROM run WHERE id = ?");
  query.bind(1, task.run);
  auto row = query.step();
  if (!row || !*row) return;  // an operator's task
  mail::Message message;
  message.sender = "host";
  message.address = "agent:" + query.text(0);
  message.kind = "approval_refused";
  message.body =
      Value{{"task", task.id}, {"type", task.type}, {"question", task.approval}, {"reason", reason}};
  if (auto sent = kernel.mail.send(std::move(message), batch); !sent) {
    kernel.log.warning("host", "mail about the refused task " + task.id + ": " + sent.error().message);
  }
}

}  // namespace

HostCommands::HostCommands(const run::Kernel& kernel, const loop::Loop& loop, run::Dispatcher& dispatcher,
                           run::Reload& reload, cell::Pool& pool, const worker::CommandEffect& command,
                           const cell::Zygote& zygote, std::function<Value()> store,
                           std::function<void(const std::string& by)> stop)
    : kernel_(kernel),
      loop_(loop),
      dispatcher_(dispatcher),
      reload_(reload),
      pool_(pool),
      command_(command),
      zygote_(zygote),
      store_(std::move(store)),
      stop_(std::move(stop)),
      started_at_(kernel.clock.wall_ms()) {}

void HostCommands::handle(const std::string& command, const Value& args, Reply reply) {
  const std::string& id = args["id"].as_string();
  const std::string by = asker(args);
  store::Batch batch;
  if (command == "stop") {
    reply(Value(true));
    stop_(by);
  } else if (command == "status") {
    reply(status());
  } else if (command == "task.live") {
    reply(live(id));
  } else if (command == "task.add") {
    add_task(args, std::move(reply));
  } else if (command == "task.cancel") {
    auto changed = kernel_.queue.cancel(id, by, args["reason"].as_string(), batch);
    commit(std::move(changed), std::move(batch), Value{{"id", id}}, std::move(reply));
  } else if (command == "task.retry") {
    auto changed = kernel_.queue.retry(id, by, kernel_.reader, batch);
    commit(std::move(changed), std::move(batch), Value{{"id", id}}, std::move(reply));
  } else if (command == "mail.send") {
    send_mail(args, std::move(reply));
  } else if (command == "approval.approve") {
    decide(args, true, std::move(reply));
  } else if (command == "approval.reject") {
    decide(args, false, std::move(reply));
  } else if (command == "script.rollback") {
    roll_back(args, std::move(reply));
  } else if (command == "script.install") {
    std::vector<std::string> names;
    for (const auto& name : args["names"].as_array()) names.push_back(name.as_string());
    reload_.install(names, args["force"].as_bool(), by, std::move(reply));
  } else if (command == "script.release") {
    const std::string& role = args["role"].as_string();
    auto released = dispatcher_.release(role, by, batch);
    commit(std::move(released), std::move(batch), Value{{"role", role}}, std::move(reply));
  } else if (command == "db.vacuum") {
    vacuum(static_cast<int>(args["slice"].as_integer()), std::move(reply));
  } else {
    reply(failure("usage", "the host knows no command \"" + command + "\": is it older than this program?"));
  }
}

void HostCommands::add_task(const Value& args, Reply reply) {
  queue::NewTask task;
  task.type = args["type"].as_string();
  task.payload = args["payload"];
  task.priority = static_cast<int>(args["priority"].as_integer(task.priority));
  for (const auto& after : args["after"].as_array()) task.after.push_back(after.as_string());
  task.by = asker(args);
  store::Batch batch;
  auto ids = kernel_.queue.submit({std::move(task)}, batch);
  if (!ids) {
    reply(failure(ids.error()));
    return;
  }
  commit({}, std::move(batch), Value{{"id", ids->front()}}, std::move(reply));
}

void HostCommands::decide(const Value& args, bool approve, Reply reply) {
  const std::string& id = args["id"].as_string();
  const std::string& reason = args["reason"].as_string();
  const std::string by = asker(args);
  store::Batch batch;
  Status changed;
  if (approve) {
    changed = kernel_.queue.approve(id, by, reason, batch);
  } else {
    const queue::Task* found = kernel_.queue.find(id);
    const queue::Task task = found ? *found : queue::Task();
    changed = kernel_.queue.refuse(id, by, reason, batch);
    if (changed) tell_refused(kernel_, task, reason, batch);
  }
  commit(std::move(changed), std::move(batch), Value{{"id", id}}, std::move(reply));
}

void HostCommands::send_mail(const Value& args, Reply reply) {
  mail::Message message;
  message.sender = kOperator;
  message.address = args["to"].as_string();
  message.kind = args["kind"].as_string();
  message.body = args["body"];
  store::Batch batch;
  const std::string address = message.address;
  const std::string body = encode_json(message.body);
  auto ids = kernel_.mail.send(std::move(message), batch);
  if (!ids) {
    reply(failure(ids.error()));
    return;
  }
  const Value sent{{"ids", Value::Array(ids->begin(), ids->end())}};
  // Its rows say "operator" to the agents; who that was is told here. The text may be confidential.
  Value detail = sent;
  detail.set("body", content_hash(body));
  store::record_act({kernel_.clock.wall_ms(), asker(args), "mail.send", address, std::move(detail)}, batch);
  commit({}, std::move(batch), sent, std::move(reply));
}

void HostCommands::roll_back(const Value& args, Reply reply) {
  const std::string name = args["name"].as_string();
  store::Batch batch;
  auto version = kernel_.library.roll_back(name, args["hash"].as_string(), asker(args), kernel_.reader, batch,
                                           args["force"].as_bool());
  if (!version) {
    reply(failure(version.error()));
    return;
  }
  dispatcher_.commit(std::move(batch), [this, name, hash = version->hash, reply](Status status) {
    if (!status) {
      reply(failure(status.error()));
      return;
    }
    reload_.refresh(name);
    if (auto written = kernel_.library.write_back(name); !written) {
      reply(failure(written.error().code,
                    "rolled back, but its file was not written: " + written.error().message));
      return;
    }
    Value answer{{"name", name}, {"hash", hash}};
    const Value agents = dispatcher_.agents();
    for (const auto& agent : agents.as_array()) {
      if (name == "agent:" + agent["role"].as_string() && agent.has("advice"))
        answer.set("advice", agent["advice"]);
    }
    reply(std::move(answer));
  });
}

void HostCommands::vacuum(int slice, Reply reply) {
  // Made on the writer's thread, read on the loop's once it is committed. A refusal is no failure of the
  // store.
  auto done = std::make_shared<Result<store::Vacuumed>>();
  store::Batch batch;
  batch.add([done, slice, path = database_path(kernel_.folder),
             blobs = kernel_.blobs](store::Database& database) -> Status {
    *done = store::vacuum_slice(database, path, blobs, slice);
    if (*done || done->error().code == "refused") return {};
    return failure(done->error());
  });
  dispatcher_.commit(std::move(batch), [done, reply = std::move(reply)](Status status) {
    if (!status || !*done) {
      reply(failure(status ? done->error() : status.error()));
      return;
    }
    const auto& part = **done;
    reply(Value{{"blobs", part.blobs},
                {"blob_bytes", part.blob_bytes},
                {"bytes", part.bytes},
                {"next", part.next},
                {"slices", part.slices}});
  });
}

Value HostCommands::status() const {
  Value queue = Value::Map();
  for (const auto& [state, count] : kernel_.queue.counts()) queue.set(state, count);
  Value uninstalled = Value::Map();
  for (const auto& [name, hash] : reload_.waiting()) uninstalled.set(name, hash);
  Value layers = Value::Map();
  for (const auto& layer : zygote_.layers()) layers.set(layer.name, layer.missing);
  return Value{{"pid", static_cast<int64_t>(getpid())},
               {"started_at", started_at_},
               {"agents", dispatcher_.agents()},
               {"probation", dispatcher_.on_probation()},
               {"uninstalled", std::move(uninstalled)},
               {"queue", std::move(queue)},
               {"mail", Value{{"waiting", static_cast<int64_t>(kernel_.mail.waiting())},
                              {"dropped", static_cast<int64_t>(kernel_.mail.dropped())}}},
               {"in_flight", static_cast<int64_t>(dispatcher_.in_flight())},
               {"cells", pool_.statistics()},
               {"commands", command_.statistics()},
               {"store", store_()},
               {"longest_stall_us", loop_.longest_turn_us()},
               {"layers", std::move(layers)},
               {"approve", kernel_.settings["approve"]}};
}

Value HostCommands::live(const std::string& id) const {
  Value answer = Value::Map();
  const queue::Task* task = kernel_.queue.find(id);
  if (!task) return answer;
  if (const std::string advice = dispatcher_.held_up(*task); !advice.empty()) answer.set("advice", advice);
  if (task->lease_run == 0) return answer;
  answer.set("lease",
             Value{{"run", task->lease_run}, {"epoch", task->lease_epoch}, {"until", task->lease_until}});
  if (const int cell = pool_.process_of(task->lease_run); cell > 0) answer.set("cell", cell);
  return answer.set("programs", command_.programs(task->lease_run));
}

void HostCommands::commit(Status changed, store::Batch batch, Value answer, Reply reply) {
  if (!changed) {
    reply(failure(changed.error()));
    return;
  }
  dispatcher_.commit(std::move(batch), [answer = std::move(answer), reply = std::move(reply)](Status status) {
    if (status) {
      reply(answer);
    } else {
      reply(failure(status.error()));
    }
  });
}

}  // namespace clade::cli
