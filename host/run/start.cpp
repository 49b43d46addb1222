#include "run/start.h"

#include "base/bytes.h"
#include "base/codec.h"
#include "run/argument.h"
#include "run/leases.h"
#include "run/program.h"
#include "run/recording.h"
#include "run/split.h"

namespace clade::run {
namespace {

// 52 bits, so that a Lua number holds it exactly.
int64_t seed_for(const std::string& trigger, int64_t attempt, int64_t swarm_seed) {
  const std::string hash =
      content_hash(trigger + "/" + std::to_string(attempt) + "/" + std::to_string(swarm_seed)).substr(0, 13);
  return static_cast<int64_t>(std::stoull(hash, nullptr, 16));
}

// The state that a run began with, if splits have changed it since.
Status restore_first_state(const Kernel& kernel, Run& run, const std::string& hash,
                           const std::string& version) {
  for (const auto& [place, entry] : run.journal.entries()) {
    if (entry.op == kSplitOperation && entry.status == Journal::Entry::Status::done) ++run.splits;
  }
  if (run.splits == 0) return {};
  auto value = read_state(kernel.reader, hash);
  if (!value) {
    const auto& [code, message] = value.error();
    const bool is_damaged = code == "not_found" || code == "invalid";
    return failure(is_damaged ? "corrupt" : code, "run " + std::to_string(run.id) + ": " + message);
  }
  run.first_state = AgentState{std::move(*value), version, hash, true};
  return {};
}

}  // namespace

Result<std::unique_ptr<Run>> new_run(const Kernel& kernel, const std::string& agent, const std::string& role,
                                     Trigger trigger, const std::string& id, int64_t attempt,
                                     int64_t number) {
  auto made = current_program(kernel.library, role, agent);
  if (!made) return failure(made.error());
  auto run = std::make_unique<Run>(number, kernel.blobs);
  run->agent = agent;
  run->role = role;
  run->trigger = trigger;
  run->trigger_id = id;
  const mail::Message* message = trigger == Trigger::mail ? kernel.mail.find(id) : nullptr;
  run->ephemeral = message && message->ephemeral;
  run->attempt = attempt;
  run->program = std::move(*made);
  run->version = run->program.version;
  for (const auto& [skill, module] : run->program.modules) {
    run->pins.set(skill, kernel.library.current("skill:" + skill)->hash);
  }
  run->combination = combination_of(run->version, run->pins);
  run->install = kernel.library.install_of(role);
  run->started_at = kernel.clock.wall_ms();
  run->seed = seed_for(id, attempt, kernel.settings["seed"].as_integer());
  return run;
}

Invocation invocation_of(const Kernel& kernel, Run& run) {
  const AgentState& state = run.first_state ? *run.first_state : *run.state;
  run.splits_ahead = run.splits;
  run.state_before = state.hash;
  run.state_version = state.version;
  Invocation invocation;
  invocation.run = run.id;
  invocation.state = state.value;
  // Whether the script has a `migrate` is for the cell to see.
  if (!run.state_version.empty() && run.state_version != run.version) {
    invocation.from_version = run.state_version;
    invocation.from_schema = kernel.library.schema_of(run.state_version);
  }
  invocation.now_ms = run.started_at;
  invocation.seed = run.seed;
  if (run.trigger == Trigger::task) {
    const queue::Task* task = kernel.queue.find(run.trigger_id);
    run.task_error = task->error;
    invocation.handler = "on_task";
    invocation.argument = argument_of(*task);
  } else {
    invocation.handler = "on_mail";
    invocation.argument = argument_of(*kernel.mail.find(run.trigger_id));
  }
  return invocation;
}

Result<std::unique_ptr<Run>> restored_run(const Kernel& kernel, const std::string& agent,
                                          const std::string& role, int64_t id) {
  auto run = std::make_unique<Run>(id, kernel.blobs);
  std::string state;
  std::string state_version;
  {
    auto query = kernel.reader.prepare(
        "SELECT version, pins, trigger_kind, trigger_id, attempt, seed, started_at, state, state_version "
        "FROM run "
        "WHERE id = ?");
    query.bind(1, id);
    auto row = query.step();
    if (!row) return failure(row.error());
    if (!*row) return failure("corrupt", "run " + std::to_string(id) + " is not in the store");
    run->version = query.text(0);
    auto pins = decode_json(query.text(1));
    if (!pins) return failure("corrupt", "the pins of run " + std::to_string(id) + " are damaged");
    run->pins = std::move(*pins);
    run->trigger = query.text(2) == "task" ? Trigger::task : Trigger::mail;
    run->trigger_id = query.text(3);
    run->attempt = query.integer(4);
    run->seed = query.integer(5);
    run->started_at = query.integer(6);
    state = query.text(7);
    state_version = query.text(8);
  }
  run->combination = combination_of(run->version, run->pins);
  if (run->combination == current_combination(kernel.library, role))
    run->install = kernel.library.install_of(role);
  run->agent = agent;
  run->role = role;
  run->recorded = true;
  run->restored = true;
  if (const auto* task = kernel.queue.find(run->trigger_id); task && run->trigger == Trigger::task) {
    run->lease = {task->lease_run, task->lease_epoch};
    (void)kernel.queue.renew(task->id, run->lease, kLeaseMs);
  }
  auto journal = Journal::load(kernel.reader, kernel.blobs, id);
  if (!journal) return failure(journal.error());
  run->journal = std::move(*journal);
  if (auto status = restore_first_state(kernel, *run, state, state_version); !status)
    return failure(status.error());

  // The pinned versions, not today's: a journal only fits the script that wrote it.
  auto program = pinned_program(kernel.reader, role, agent, run->version, run->pins);
  if (!program) return failure(program.error());
  run->program = std::move(*program);
  kernel.log.info(agent, "takes up run " + std::to_string(id) + " on " + run->trigger_id + " again");
  return run;
}

}  // namespace clade::run
