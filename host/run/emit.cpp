#include "run/emit.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "base/bytes.h"
#include "base/codec.h"
#include "run/file_write.h"

namespace clade::run {
namespace {

constexpr size_t kFileBytes = 4u << 20;
constexpr size_t kFileNameBytes =
    200;  // of a file or folder: room for the suffix of a temporary file below NAME_MAX
constexpr size_t kReasonBytes = 4096;  // of a vote: kept by the host until the vote is closed
constexpr size_t kEmissions = 10000;
constexpr size_t kFiles = 1000;
constexpr char kOperatorsTask = 't';  // ids that the queue numbers itself: nobody but an operator gets one

std::string next_id(int64_t run, int64_t& next) {
  return "r" + std::to_string(run) + "." + std::to_string(next++);
}

std::string next_id(Run& run) {
  return next_id(run.id, run.outbox.next);
}

Status check_count(const Run& run, const std::string& op) {
  if (run.outbox.next <= static_cast<int64_t>(kEmissions)) return {};
  return failure("limit", op + ": more than " + std::to_string(kEmissions) + " effects in one run");
}

Status need_text(const Value& args, const char* op, const char* field) {
  if (args[field].is_string() && !args[field].as_string().empty()) return {};
  return failure("invalid",
                 std::string(op) + ": `" + field + "` must be a string, not " + args[field].type_name());
}

Result<queue::NewTask> new_task(const Run& run, const Value& args, const char* op, script::Call& call) {
  if (auto status = need_text(args, op, "type"); !status) return failure(status.error());
  queue::NewTask task;
  task.type = args["type"].as_string();
  task.payload = args["payload"];
  for (const auto& [field, most] : {std::pair<const char*, int64_t>{"priority", 10}, {"max_attempts", 100}}) {
    const Value& value = args[field];
    const bool fits = value.is_integer() && value.as_integer() >= 1 && value.as_integer() <= most;
    if (!value.is_nil() && !fits) {
      return failure("invalid", std::string(op) + ": `" + field + "` must be an integer from 1 to " +
                                    std::to_string(most));
    }
  }
  task.priority = static_cast<int>(args["priority"].as_integer(task.priority));
  task.max_attempts = static_cast<int>(args["max_attempts"].as_integer(task.max_attempts));
  task.approval = args["approval"].as_string();
  for (const auto& id : args["after"].as_array()) task.after.push_back(id.as_string());
  task.parent = run.trigger == Trigger::task ? run.trigger_id : std::string();
  task.run = run.id;
  if (auto status = call.check("queue.add", task.type); !status) return failure(status.error());
  return task;
}

std::vector<std::string> pending_ids(const Run& run) {
  std::vector<std::string> ids;
  for (const auto& task : run.outbox.tasks) ids.push_back(task.id);
  return ids;
}

// Those that a task may depend on: collecting them for each that depends on nothing would take longer and
// longer.
std::vector<std::string> pending_ids(const Run& run, const queue::NewTask& added) {
  return added.after.empty() ? std::vector<std::string>() : pending_ids(run);
}

Result<Value> queue_add(const Kernel& kernel, Run& run, const Value& args, script::Call& call) {
  auto task = new_task(run, args, "queue.add", call);
  if (!task) return failure(task.error());
  task->id = next_id(run);
  task->is_new = true;
  if (auto status = kernel.queue.check_room(run.outbox.tasks.size() + 1); !status)
    return failure(status.error());
  if (auto status = kernel.queue.check({*task}, pending_ids(run, *task)); !status)
    return failure(status.error());
  run.outbox.tasks.push_back(*task);
  return Value(task->id);
}

Result<Value> queue_add_all(const Kernel& kernel, Run& run, const Value& args, script::Call& call) {
  if (!args["tasks"].is_array()) return failure("invalid", "queue.add_all: a list of tasks is needed");
  std::vector<queue::NewTask> tasks;
  std::map<std::string, std::string> ids;  // key → id
  for (const auto& item : args["tasks"].as_array()) {
    auto task = new_task(run, item, "queue.add_all", call);
    if (!task) return failure(task.error());
    task->id = next_id(run);
    task->is_new = true;
    const std::string& key = item["key"].as_string();
    if (!key.empty() && !ids.emplace(key, task->id).second) {
      return failure("invalid", "queue.add_all: the key \"" + key + "\" appears twice");
    }
    tasks.push_back(std::move(*task));
  }
  Value::Array answer;
  for (auto& task : tasks) {
    for (auto& after : task.after) {
      if (auto found = ids.find(after); found != ids.end()) after = found->second;
    }
    answer.emplace_back(task.id);
  }
  const size_t more = run.outbox.tasks.size() + tasks.size();
  if (auto status = kernel.queue.check_room(more); !status) return failure(status.error());
  if (auto status = kernel.queue.check(tasks, pending_ids(run)); !status) return failure(status.error());
  run.outbox.tasks.insert(run.outbox.tasks.end(), tasks.begin(), tasks.end());
  return Value(std::move(answer));
}

Result<Value> queue_review(const Kernel& kernel, Run& run, const Value& args, script::Call& call) {
  if (run.trigger != Trigger::task)
    return failure("invalid", "queue.review: this run handles mail, not a task");
  if (run.outbox.review_task) return failure("invalid", "queue.review: called twice in one run");
  auto task = new_task(run, args, "queue.review", call);
  if (!task) return failure(task.error());
  if (!task->payload.is_nil() && !task->payload.is_map()) {
    return failure("invalid", "queue.review: `payload` must be a map");
  }
  task->id = next_id(run);
  task->is_new = true;
  task->payload.set("reviews", run.trigger_id);
  if (auto status = kernel.queue.check({*task}, pending_ids(run, *task)); !status)
    return failure(status.error());
  run.outbox.review_task = task->id;
  run.outbox.tasks.push_back(*task);
  return Value(task->id);
}

Result<Value> verdict(const Kernel& kernel, Run& run, const Value& args, bool accept) {
  const char* op = accept ? "queue.accept" : "queue.reject";
  if (auto status = need_text(args, op, "task"); !status) return failure(status.error());
  const std::string& id = args["task"].as_string();
  const queue::Task* task = kernel.queue.find(id);
  if (!task || task->state != queue::State::reviewing || task->reviewer != run.trigger_id) {
    return failure("refused", std::string(op) + ": task " + id + " does not wait for a verdict of this task");
  }
  run.outbox.verdicts.push_back({id, accept, args["reason"].as_string()});
  return Value(true);
}

Result<Value> queue_accept(const Kernel& kernel, Run& run, const Value& args, script::Call&) {
  return verdict(kernel, run, args, true);
}

Result<Value> queue_reject(const Kernel& kernel, Run& run, const Value& args, script::Call&) {
  return verdict(kernel, run, args, false);
}

Result<Value> queue_fail(const Kernel&, Run& run, const Value& args, script::Call&) {
  if (run.trigger != Trigger::task)
    return failure("invalid", "queue.fail: this run handles mail, not a task");
  if (auto status = need_text(args, "queue.fail", "reason"); !status) return failure(status.error());
  run.outbox.failure = Outbox::Failure{args["reason"].as_string(), args["retry"].as_bool(true)};
  return Value(true);
}

// What a refusal does not count that this run is about to send itself.
std::string outbox_note(size_t messages) {
  return messages == 0 ? "" : " (this run itself is about to send " + std::to_string(messages) + " there)";
}

Result<Value> mail_send(const Kernel& kernel, Run& run, const Value& args, script::Call& call) {
  for (const char* field : {"to", "kind"}) {
    if (auto status = need_text(args, "mail.send", field); !status) return failure(status.error());
  }
  if (auto status = Governance::check_kind(args["kind"].as_string()); !status) {
    return failure("refused", "mail.send: " + status.error().message);
  }
  mail::Message message;
  message.address = args["to"].as_string();
  if (auto status = call.check("mail.send", message.address); !status) return failure(status.error());
  const auto recipients = kernel.mail.resolve(message.address);
  if (!recipients) return failure(recipients.error());
  if (!args["ephemeral"].is_nil() && !args["ephemeral"].is_bool())
    return failure("invalid", "mail.send: `ephemeral` must be true or false");
  message.ephemeral = args["ephemeral"].as_bool();
  if (message.ephemeral && args.footprint() > mail::kMostEphemeralBytes / 2) {
    return failure("limit", "mail.send: an ephemeral message may take at most " +
                                std::to_string(mail::kMostEphemeralBytes >> 21) + " MB of memory");
  }
  auto sum = run.outbox.mail[message.address];
  if (!message.ephemeral) {
    sum.messages += 1;
    sum.bytes += args.footprint();
    if (auto room = kernel.mail.check_room(*recipients, sum.messages, sum.bytes); !room)
      return failure(room.error().code, room.error().message + outbox_note(sum.messages - 1));
  }
  if (auto status = check_json(args["body"]); !status) {
    return failure("invalid", "mail.send: body" + status.error().message);
  }
  message.id = next_id(run);
  message.id_is_new = true;
  message.sender = run.agent;
  message.kind = args["kind"].as_string();
  message.body = args["body"];
  message.thread = args["thread"].as_string();
  message.run = run.id;
  run.outbox.messages.push_back(message);
  run.outbox.mail[message.address] = sum;
  return Value(message.id);
}

// Proposals that give a mandate are about what they set off: voters and the person who approves decide on
// that, not on something that was only said beside it.
Status check_decision(Proposal& proposal) {
  const Value& payload = proposal.on_accept["payload"];
  if (proposal.kind == "code") {
    if (proposal.body["hash"].as_string() != content_hash(payload["source"].as_string())) {
      return failure("invalid", "proposal.open: `body.hash` must be the hash of `on_accept.payload.source`");
    }
    for (const char* field : {"skill", "source", "parent"}) {
      if (proposal.body[field].is_nil() || proposal.body[field] == payload[field]) continue;
      return failure("invalid", std::string("proposal.open: `body.") + field +
                                    "` is not what `on_accept.payload." + field + "` says");
    }
  } else if (proposal.kind == "rule") {
    if (proposal.body["rule"] != payload["rule"] || proposal.body["value"] != payload["value"]) {
      return failure("invalid",
                     "proposal.open: `body` and `on_accept.payload` must name the same rule and value");
    }
  } else {
    return {};
  }
  if (proposal.on_accept.is_map() && proposal.on_accept["approval"].as_string().empty()) {
    proposal.on_accept.set("approval", proposal.title);
  }
  return {};
}

Result<Value> proposal_open(const Kernel& kernel, Run& run, const Value& args, script::Call& call) {
  for (const char* field : {"title", "kind"}) {
    if (auto status = need_text(args, "proposal.open", field); !status) return failure(status.error());
  }
  Proposal proposal;
  proposal.title = args["title"].as_string();
  proposal.kind = args["kind"].as_string();
  if (auto status = call.check("proposal.open", proposal.kind); !status) return failure(status.error());
  proposal.body = args["body"];
  proposal.on_accept = args["on_accept"];
  for (const Value* part : {&proposal.body, &proposal.on_accept}) {
    if (auto status = check_json(*part); !status)
      return failure("invalid", "proposal.open: " + status.error().message);
  }
  for (const auto& voter : args["voters"].as_array()) {
    const std::string& role = voter.as_string();
    if (auto known = kernel.mail.resolve("role:" + role); !known) return failure(known.error());
    if (std::find(proposal.voters.begin(), proposal.voters.end(), role) == proposal.voters.end()) {
      proposal.voters.push_back(role);
    }
  }
  if (proposal.voters.empty())
    return failure("invalid", "proposal.open: `voters` must list at least one role");
  if (proposal.on_accept.is_map()) {
    // What an accepted proposal sets off is the proposer's doing: it needs the proposer's grant.
    auto task = new_task(run, proposal.on_accept, "proposal.open", call);
    if (!task) return failure(task.error());
    if (auto status = kernel.queue.check({*task}, {}); !status) return failure(status.error());
  }
  if (auto status = check_decision(proposal); !status) return failure(status.error());
  if (auto status = kernel.governance.check_room(run.outbox.proposals.size() + 1, args.footprint()); !status)
    return failure(status.error());
  proposal.id = next_id(run);
  proposal.proposer = run.role;
  proposal.task = run.trigger == Trigger::task ? run.trigger_id : std::string();
  proposal.run = run.id;
  run.outbox.proposals.push_back(proposal);
  return Value(proposal.id);
}

Result<Value> vote_cast(const Kernel& kernel, Run& run, const Value& args, script::Call& call) {
  for (const char* field : {"proposal", "choice"}) {
    if (auto status = need_text(args, "vote.cast", field); !status) return failure(status.error());
  }
  Outbox::Vote vote{args["proposal"].as_string(), args["choice"].as_string(), args["reason"].as_string()};
  if (vote.reason.size() > kReasonBytes) {
    return failure("limit", "vote.cast: a reason may take " + std::to_string(kReasonBytes) + " bytes, not " +
                                std::to_string(vote.reason.size()));
  }
  if (auto status = call.check("vote.cast", ""); !status) return failure(status.error());
  if (auto status = kernel.governance.check_vote(vote.proposal, run.role, vote.choice); !status) {
    return failure(status.error());
  }
  for (const auto& other : run.outbox.votes) {
    if (other.proposal == vote.proposal) {
      return failure("conflict", run.role + " has voted on " + vote.proposal + " already");
    }
  }
  run.outbox.votes.push_back(std::move(vote));
  return Value(true);
}

// May this run carry out a decision of `kind`? Yes if an operator submitted its task, or if the task is what
// an accepted proposal set off and `as_decided`: it does what the payload says that was voted on. Part of the
// kernel that no script can change.
Status check_mandate(const Run& run, const queue::Task* task, const std::string& kind, bool as_decided,
                     const char* op) {
  const std::string missing = std::string(op) + ": only a task that an accepted proposal of kind \"" + kind +
                              "\" or an operator set off may do this, and only what was decided";
  if (!task) return failure("refused", missing);
  if (task->run == 0 && task->id.front() == kOperatorsTask) return {};
  // Such ids and both fields are the host's alone (Settlement::close_votes): no emission can make them.
  const bool accepted = run.trigger_id == task->payload["proposal"].as_string() + kAcceptedSuffix &&
                        task->payload["proposal_kind"].as_string() == kind;
  if (!accepted || !as_decided) return failure("refused", missing);
  return {};
}

const queue::Task* task_of(const Kernel& kernel, const Run& run) {
  return run.trigger == Trigger::task ? kernel.queue.find(run.trigger_id) : nullptr;
}

Result<Value> script_publish(const Kernel& kernel, Run& run, const Value& args, script::Call& call) {
  if (auto status = check_publication(kernel, run, args, call); !status) return failure(status.error());
  run.outbox.publications.push_back({args["name"].as_string(), args["source"].as_string(), args["lineage"]});
  return Value(content_hash(args["source"].as_string()));
}

Result<Value> file_write(const Kernel& kernel, Run& run, const Value& args, script::Call& call) {
  if (auto status = need_text(args, "file.write", "path"); !status) return failure(status.error());
  if (!args["text"].is_string()) return failure("invalid", "file.write: `text` must be a string");
  const std::string& path = args["path"].as_string();
  const std::filesystem::path parts(path);
  bool inside = parts.is_relative() && path.size() <= 1024 && path.find('\0') == std::string::npos;
  for (const auto& part : parts) {
    inside = inside && part != ".." && part != "." && !part.empty() && part.string().size() <= kFileNameBytes;
  }
  if (!inside) {
    return failure("refused",
                   "file.write: \"" + valid_utf8(path) + "\" is no plain path below the swarm's folder");
  }
  if (auto status = call.check("file.write", path); !status) return failure(status.error());
  if (auto status = check_file(kernel, path); !status) {
    return failure("refused", "file.write: " + status.error().message);
  }
  if (args["text"].as_string().size() > kFileBytes) {
    return failure("refused", "file.write: larger than " + std::to_string(kFileBytes) + " bytes");
  }
  if (run.outbox.files.size() >= kFiles) {
    return failure("refused", "file.write: more than " + std::to_string(kFiles) + " files in one run");
  }
  run.outbox.files.push_back({path, args["text"].as_string()});
  return Value(true);
}

Result<Value> rule_set(const Kernel& kernel, Run& run, const Value& args, script::Call& call) {
  if (auto status = need_text(args, "rule.set", "name"); !status) return failure(status.error());
  const std::string& name = args["name"].as_string();
  if (auto status = call.check("rule.set", name); !status) return failure(status.error());
  if (auto status = Governance::check_rule(name, args["value"]); !status) return failure(status.error());
  const queue::Task* task = task_of(kernel, run);
  const bool as_decided =
      task && task->payload["rule"].as_string() == name && task->payload["value"] == args["value"];
  if (auto status = check_mandate(run, task, "rule", as_decided, "rule.set"); !status)
    return failure(status.error());
  run.outbox.rules.push_back({name, args["value"]});
  return Value(true);
}

Result<Value> data_set(const Kernel& kernel, Run& run, const Value& args, script::Call&) {
  if (args["value"].is_nil()) return failure("invalid", "data.set: `value` must not be nil: see data.delete");
  auto status = kernel.data.set(run.agent, args["key"].as_string(), args["value"], run.outbox.data);
  if (!status) return failure(status.error());
  return Value(true);
}

Result<Value> data_delete(const Kernel& kernel, Run& run, const Value& args, script::Call&) {
  return Value(kernel.data.erase(run.agent, args["key"].as_string(), run.outbox.data));
}

using Operation = Result<Value> (*)(const Kernel&, Run&, const Value&, script::Call&);
const std::map<std::string, Operation, std::less<>>& operations() {
  static const std::map<std::string, Operation, std::less<>> table = {
      {"queue.add", queue_add},       {"queue.add_all", queue_add_all},
      {"queue.review", queue_review}, {"queue.accept", queue_accept},
      {"queue.reject", queue_reject}, {"queue.fail", queue_fail},
      {"mail.send", mail_send},       {"proposal.open", proposal_open},
      {"vote.cast", vote_cast},       {"script.publish", script_publish},
      {"file.write", file_write},     {"rule.set", rule_set},
      {"data.set", data_set},         {"data.delete", data_delete},
  };
  return table;
}

}  // namespace

bool is_emission(const std::string& op) {
  return operations().count(op) > 0;
}

Value emission_answer(int64_t run, int64_t& next, const std::string& op, const Value& args) {
  if (op == "queue.add_all") {
    Value::Array ids;
    for (size_t i = 0; i < args["tasks"].as_array().size(); ++i) ids.emplace_back(next_id(run, next));
    return Value(std::move(ids));
  }
  for (const char* numbered : {"queue.add", "queue.review", "mail.send", "proposal.open"}) {
    if (op == numbered) return Value(next_id(run, next));
  }
  if (op == "script.publish") return Value(content_hash(args["source"].as_string()));
  return Value(true);
}

bool answers_from_state(const std::string& op) {
  return op == "data.delete";
}

Status check_publication(const Kernel& kernel, const Run& run, const Value& args, script::Call& call) {
  if (auto status = check_count(run, "script.publish"); !status) return status;
  for (const char* field : {"name", "source"}) {
    if (auto status = need_text(args, "script.publish", field); !status) return status;
  }
  const std::string& name = args["name"].as_string();
  if (auto status = call.check("script.publish", name); !status) return status;
  if (!kernel.library.current(name))
    return failure("not_found", "script.publish: there is no script " + name);
  const queue::Task* task = task_of(kernel, run);
  const bool as_decided = task && task->payload["source"] == args["source"] &&
                          "skill:" + task->payload["skill"].as_string() == name;
  if (auto status = check_mandate(run, task, "code", as_decided, "script.publish"); !status) return status;
  if (auto status = check_json(args["lineage"]); !status) {
    return failure("invalid", "script.publish: lineage" + status.error().message);
  }
  return {};
}

Result<Value> emit(const Kernel& kernel, Run& run, const std::string& op, const Value& args,
                   script::Call& call) {
  if (auto status = check_count(run, op); !status) return failure(status.error());
  const int64_t next = run.outbox.next;
  auto answer = operations().find(op)->second(kernel, run, args, call);
  // A second execution is handed a refusal from the journal: the ids that follow must be the same then.
  if (!answer) run.outbox.next = next;
  return answer;
}

}  // namespace clade::run
