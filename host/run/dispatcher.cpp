#include "run/dispatcher.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/codec.h"
#include "run/conclusion.h"
#include "run/emit.h"
#include "run/left_runs.h"
#include "run/program.h"
#include "run/read.h"
#include "run/record.h"
#include "run/start.h"

namespace clade::run {
Dispatcher::Dispatcher(const Kernel& kernel, Settlement& settlement, Executor& executor, Hooks hooks)
    : kernel_(kernel),
      settlement_(settlement),
      executor_(executor),
      hooks_(std::move(hooks)),
      roster_(kernel.library.swarm().agents),
      due_(kernel.loop.make_timer()),
      renew_(kernel.loop.make_timer()),
      leases_(kernel),
      drain_(kernel.library),
      standing_(kernel.clock),
      probation_(kernel),
      handover_(
          executor, std::bind_front(&Dispatcher::find, this),
          [this](Run& run, const std::string& error) { fail(run, RunStatus::diverged, error); },
          std::bind_front(&Dispatcher::take_up, this)),
      awaits_(kernel, handover_, std::bind_front(&Dispatcher::find, this),
              std::bind_front(&Dispatcher::commit, this)),
      split_(kernel, settlement, handover_, std::bind_front(&Dispatcher::find, this),
             std::bind_front(&Dispatcher::commit, this), std::bind_front(&Dispatcher::after_commit, this)),
      emissions_(kernel, handover_, std::bind_front(&Dispatcher::find, this), hooks_.try_version),
      reads_(kernel, handover_, std::bind_front(&Dispatcher::find, this),
             std::bind_front(&Dispatcher::commit, this), std::bind_front(&Dispatcher::end_if_too_much, this)),
      files_(
          kernel, std::bind_front(&Dispatcher::commit, this),
          [this](const Error& error) {
            if (hooks_.fatal) hooks_.fatal(error);
          },
          hooks_.write) {}

Dispatcher::~Dispatcher() {
  *alive_ = false;
  stop();
}

void Dispatcher::add_effect(const std::string& op, Effect& effect) {
  awaits_.add_effect(op, effect);
}

void Dispatcher::set_role(const std::string& role, const Value& info) {
  store::Batch batch;
  if (const auto* version = kernel_.library.current("agent:" + role))
    kernel_.library.note_schema(version->hash, info["schema"].as_integer(1), batch);
  if (!batch.empty()) commit(std::move(batch), nullptr);
  know_role(role, current_combination(kernel_.library, role), info);
}

void Dispatcher::know_role(const std::string& role, const std::string& combination, const Value& info) {
  roles_.set(role, combination, info);
  (void)roles_.choose(role, current_combination(kernel_.library, role));
  for (auto& [name, agent] : roster_.all()) {
    if (agent.role == role) agent.grants.ask(kernel_.library.agent(role).grants);
  }
  wake();
}

void Dispatcher::note_no_way_back(const std::string& role) {
  no_way_back_.insert(current_combination(kernel_.library, role));
}

void Dispatcher::observe(const queue::Task& task, queue::Verb verb) {
  if (verb != queue::Verb::cancel) {
    wake();
    return;
  }
  for (auto& [id, run] : runs_) {
    if (run->trigger != Trigger::task || run->trigger_id != task.id) continue;
    // Not within the queue's own call: the run's end may touch the queue again.
    kernel_.loop.post([this, alive = alive_, number = id] {
      Run* live = *alive ? find(number) : nullptr;
      if (!live) return;
      store::Batch batch;
      record_run(*live, RunStatus::cancelled, "its task was cancelled", kernel_.clock.wall_ms(), batch);
      end(*live);
      commit(std::move(batch), nullptr);
    });
  }
}

Status Dispatcher::recover() {
  if (auto status = standing_.load(kernel_.reader); !status) return status;
  if (auto status = probation_.load(kernel_.reader); !status) return status;
  {
    auto query = kernel_.reader.prepare("SELECT name, version, state FROM agent");
    for (;;) {
      auto row = query.step();
      if (!row) return failure(row.error());
      if (!*row) break;
      Agent* agent = roster_.find(query.text(0));
      if (!agent) continue;
      auto state = decode_json(query.text(2));
      if (!state) return failure("corrupt", "the state of agent " + query.text(0) + " is damaged");
      agent->state = {std::move(*state), query.text(1), content_hash(query.text(2)), false};
    }
  }
  store::Batch batch;
  {
    auto query = kernel_.reader.prepare("SELECT coalesce(max(id), 0) + 1 FROM run");
    if (auto row = query.step(); !row) return failure(row.error());
    next_run_ = query.integer(0);
  }
  auto left = left_runs(
      kernel_, standing_, [this](const std::string& agent) { return roster_.has(agent); }, batch);
  if (!left) return failure(left.error());
  recovered_ = *std::move(left);
  for (const auto& id : kernel_.mail.undeliverable()) {
    (void)kernel_.mail.bury(id, "its recipient is no agent of swarm.yaml any more", batch);
    kernel_.log.warning("host", "message " + id + " is a dead letter: its recipient is gone from swarm.yaml");
  }
  settlement_.recover();
  settlement_.settle(batch);
  commit(std::move(batch), nullptr);
  files_.wake();
  return {};
}

void Dispatcher::start() {
  delivering_ = true;
  renew_->start(
      kRenewMs, [this] { renew_leases(); }, kRenewMs);
  wake();
}

void Dispatcher::stop() {
  delivering_ = false;
  due_->stop();
  renew_->stop();
  while (!runs_.empty()) end(*runs_.begin()->second);
  files_.stop();
}

void Dispatcher::wake() {
  if (!delivering_ || woken_) return;
  woken_ = true;
  kernel_.loop.post([this, alive = alive_] {
    if (!*alive) return;
    woken_ = false;
    deliver();
  });
}

void Dispatcher::commit(store::Batch batch, std::function<void(Status)> done) {
  // What a change calls for is on disk with it, or neither is.
  if (!batch.empty()) settlement_.settle(batch);
  kernel_.writer.commit(std::move(batch), [this, alive = alive_, done = std::move(done)](Status status) {
    if (!*alive) return;
    if (done) done(status);
    if (!status) {
      if (hooks_.fatal) hooks_.fatal(status.error());
    } else {
      wake();
    }
  });
}

void Dispatcher::deliver() {
  if (!delivering_) return;
  store::Batch batch;
  const auto decisions = probation_.look(
      kernel_.clock.wall_ms(),
      [&](const Decision& decision) {
        return std::any_of(decision.roles.begin(), decision.roles.end(), [&](const std::string& role) {
          return standing_.quarantined(current_combination(kernel_.library, role));
        });
      },
      batch);
  for (const auto& decision : decisions) take(decision, batch);
  settlement_.settle(batch);
  if (!batch.empty() || !decisions.empty()) {
    commit_and_answer(std::move(batch), [this, decisions] {
      for (const auto& decision : decisions) tell(decision);
    });
  }
  const auto stopped_roles = stopped();
  const auto is_ready = [&](const std::string& name) {
    const Agent* agent = roster_.find(name);
    return agent && !agent->run && stopped_roles.count(agent->role) == 0;
  };
  // A recovered run goes on with what it was pinned to, which is not stopped (left_runs.h).
  for (const auto& [name, run] : std::map(recovered_)) {
    if (Agent* agent = roster_.find(name); agent && !agent->run) deliver_to(*agent);
  }
  for (const auto& name : kernel_.mail.waited_for()) {
    if (is_ready(name)) deliver_to(*roster_.find(name));
  }
  for (const auto& [role, names] : roster_.free()) {
    if (stopped_roles.count(role) > 0) continue;
    // Each at most once in a turn: a run that cannot even begin frees its agent at once.
    for (size_t left = names.size(); left > 0 && !names.empty(); --left) {
      if (!deliver_to(*roster_.find(*names.begin()))) break;
    }
  }
  arm_timer();
}

bool Dispatcher::deliver_to(Agent& agent) {
  auto run = next_for(agent);
  if (!run) return false;
  run->grants = &agent.grants;
  run->state = &agent.state;
  Run& live = *runs_.emplace(run->id, std::move(run)).first->second;
  roster_.begin(agent, live);
  if (const auto problem = problem_of_state(live); !problem.empty()) {
    store::Batch batch;
    stop_role(live, problem, batch);
    hand_over(live, RunStatus::cancelled, problem, batch);
    commit(std::move(batch), nullptr);
    return false;
  }
  if (hooks_.activity) hooks_.activity(agent.name, live.trigger_id);
  execute(live);
  return true;
}

std::unique_ptr<Run> Dispatcher::next_for(Agent& agent) {
  if (auto recovered = recovered_.find(agent.name); recovered != recovered_.end()) {
    const int64_t id = recovered->second;
    recovered_.erase(recovered);
    auto run = restored_run(kernel_, agent.name, agent.role, id);
    if (!run) {
      if (hooks_.fatal) hooks_.fatal(run.error());
      return nullptr;
    }
    if ((*run)->trigger == Trigger::mail || (*run)->lease.run == id) {
      awaits_.restore(**run);
      return std::move(*run);
    }
    store::Batch batch;
    record_run(**run, RunStatus::cancelled, "its task was cancelled", kernel_.clock.wall_ms(), batch);
    commit(std::move(batch), nullptr);
  }
  const auto found =
      kernel_.queue.peek([&](const std::string& type) { return roles_.takes(agent.role, type); });
  if (!found) {
    if (hooks_.fatal) hooks_.fatal(found.error());
    return nullptr;
  }
  const std::optional<std::string>& task = *found;
  // By turns, so that an agent that always has mail still comes to its tasks.
  const bool mail_first = !task || !agent.had_mail;
  agent.had_mail = false;
  while (const mail::Message* message = mail_first ? kernel_.mail.next(agent.name) : nullptr) {
    std::string useless;
    if (!roles_.takes_mail(agent.role) && kernel_.library.is_suspended(agent.role))
      break;  // it may again soon
    if (!roles_.takes_mail(agent.role)) {
      useless = "the role " + agent.role + " has no on_mail";
    } else if (message->wants_reply && message->run != 0 && !awaits_.waits(*message) &&
               !is_recovered(message->run)) {
      useless = "nobody waits for the answer any more";
    }
    if (useless.empty()) {
      agent.had_mail = true;
      auto run = new_run(kernel_, agent.name, agent.role, Trigger::mail, message->id, message->attempt + 1,
                         next_run_++);
      if (run) return std::move(*run);
      kernel_.log.error(agent.name, run.error().message);
      return nullptr;
    }
    store::Batch batch;
    const std::string id = message->id;
    const int64_t asker = message->wants_reply ? message->run : 0;
    (void)kernel_.mail.bury(id, useless, batch);  // it was found a moment ago
    auto answer = awaits_.take_reply(id, asker, failure("failed", useless), batch);
    commit_and_answer(std::move(batch), std::move(answer));
  }
  if (!task) return nullptr;
  auto run = new_run(kernel_, agent.name, agent.role, Trigger::task, *task,
                     kernel_.queue.find(*task)->attempt + 1, next_run_++);
  if (!run) {
    kernel_.log.error(agent.name, run.error().message);
    return nullptr;
  }
  store::Batch batch;
  auto lease = kernel_.queue.claim(*task, (*run)->id, kLeaseMs, agent.name, batch);
  if (!lease) return nullptr;
  (*run)->lease = *lease;
  commit(std::move(batch), nullptr);
  return std::move(*run);
}

bool Dispatcher::is_recovered(int64_t run) const {
  return std::any_of(recovered_.begin(), recovered_.end(),
                     [run](const auto& entry) { return entry.second == run; });
}

void Dispatcher::execute(Run& run) {
  ++run.execution;
  if (run.call_off) std::exchange(run.call_off, nullptr)();
  run.outbox = Outbox();
  emissions_.cancel(run);
  run.calls = 0;
  run.bytes = run.journal.footprint();
  Handover::begin(run);
  Invocation invocation = invocation_of(kernel_, run);
  // On probation it stays alone, so that what its VM holds is its own.
  run.program.confirmed = run.install == 0 && standing_.confirmed(run.combination);
  executor_.start(run.program, std::move(invocation));
}

void Dispatcher::called(int64_t number, const std::string& strand, int64_t position, const std::string& op,
                        Value args) {
  Run* run = find(number);
  if (!run) return;
  auto entry = run->journal.find(strand, position, op, args);
  // The journal counts what it has; the outbox begins anew with every execution.
  if (is_emission(op) || (entry && !*entry)) run->bytes += args.footprint();
  ++run->calls;
  run->course.reached[strand] = position;
  if (end_if_too_much(*run)) return;
  if (!entry) {
    fail(*run, RunStatus::diverged, entry.error().message);
  } else if (*entry && (*entry)->status == Journal::Entry::Status::done && is_emission(op)) {
    emissions_.begin(*run, strand, position, op, args, true);
  } else if (*entry && ((*entry)->status == Journal::Entry::Status::started ||
                        (*entry)->status == Journal::Entry::Status::cancelled)) {
    Handover::cut_off(*run, {strand, position});
  } else if (*entry && (*entry)->turn == 0) {
    handover_.at_once(*run, strand, (*entry)->result);
  } else if (*entry) {
    if (op == kSplitOperation) Split::pass(*run);
    handover_.ready(*run, {strand, position});
  } else if (op == kSplitOperation) {
    split(*run, {strand, position}, args);
  } else if (is_emission(op)) {
    emissions_.begin(*run, strand, position, op, args, false);
  } else if (is_read(op)) {
    reads_.add(*run, strand, position, op, args);
  } else {
    awaits_.begin(*run, strand, position, op, args);
  }
}

void Dispatcher::split(Run& run, const Place& place, const Value& args) {
  commit_checked(run, args["state"], [this, place, args](Run& live) { split_.begin(live, place, args); });
}

void Dispatcher::take_up(Run& run, const Place& place) {
  const Journal::Entry& entry = *run.journal.at(place);
  if (entry.status == Journal::Entry::Status::started) {
    awaits_.resume(run, place.first, place.second);
  } else if (entry.status == Journal::Entry::Status::cancelled) {
    // Whatever made the script give it up has been handed to it again.
    fail(run, RunStatus::diverged, run.journal.not_given_up(place));
  } else {
    handover_.ready(run, place);
  }
}

void Dispatcher::withdrawn(int64_t number, const std::string& strand) {
  Run* run = find(number);
  if (!run) return;
  Handover::withdraw(*run, strand);
  emissions_.withdraw(*run, strand);
  awaits_.withdraw(*run, strand);
}

void Dispatcher::rested(int64_t number) {
  handover_.go_on(number);
}

bool Dispatcher::end_if_too_much(Run& run) {
  if (run.calls > kMostCalls) {
    fail(run, RunStatus::failed, too_many_calls());
    return true;
  }
  if (run.bytes <= kMostRunBytes) return false;
  fail(run, RunStatus::failed,
       "more than " + std::to_string(kMostRunBytes >> 20) +
           " MB of the host's memory for what this run asked, got and wants to happen: do less at a time");
  return true;
}

void Dispatcher::finished(int64_t number, Value result, Value state, Usage usage) {
  Run* run = find(number);
  if (!run) return;
  run->usage = usage;
  if (const auto left_out = Handover::left_out(*run); !left_out.empty()) {
    fail(*run, RunStatus::diverged, left_out);
    return;
  }
  commit_checked(*run, state, [this, result, state](Run& live) { conclude_run(live, result, state); });
}

void Dispatcher::conclude_run(Run& run, const Value& result, Value state) {
  const std::string trigger = run.trigger_id;
  store::Batch batch;
  auto conclusion = conclude(kernel_, settlement_, standing_, run, result, std::move(state), batch);
  if (!conclusion) {
    fail(run, RunStatus::failed, conclusion.error().message);
    return;
  }
  auto decision = conclusion->after ? probation_.committed(run, batch) : std::nullopt;
  settlement_.settle(batch);
  end(run);
  if (decision) take(*decision, batch);
  std::function<void()> answer;
  if (conclusion->asker && conclusion->after)
    answer = awaits_.take_reply(trigger, conclusion->asker, result, batch);
  commit(std::move(batch),
         [this, answer, decision, after = conclusion->after.value_or(AfterCommit())](Status status) {
           if (!status) return;
           after_commit(after);
           if (answer) answer();
           if (decision) tell(*decision);
         });
}

void Dispatcher::failed(int64_t number, const std::string& message) {
  Run* run = find(number);
  if (!run) return;
  kernel_.log.warning(run->agent,
                      "run " + std::to_string(number) + " on " + run->trigger_id + " failed: " + message);
  fail(*run, RunStatus::failed, message);
}

void Dispatcher::lost(int64_t number, bool blamed, const std::string& reason) {
  Run* run = find(number);
  if (!run) return;
  kernel_.log.warning(run->agent, "run " + std::to_string(number) + " lost its cell" +
                                      (blamed ? " and is to blame: " : " while it waited: ") + reason);
  // Its task was cancelled a moment ago: it is about to be ended (observe).
  const bool is_over = run->trigger == Trigger::task && !kernel_.queue.find(run->trigger_id);
  if (!blamed && is_over) return;
  if (!blamed && ++run->losses < kMostLosses) {
    // No attempt is spent, no await repeated: the same run again, from its journal.
    execute(*run);
    return;
  }
  if (!blamed) {
    fail(*run, RunStatus::lost,
         "it lost its cell " + std::to_string(kMostLosses) +
             " times while it waited; the last time: " + reason);
    return;
  }
  store::Batch batch;
  if (standing_.died(*run, reason, batch)) tell_stopped(*run);
  commit(std::move(batch), nullptr);
  fail(*run, RunStatus::lost, reason);
}

Status Dispatcher::release(const std::string& role, const std::string& by, store::Batch& batch) {
  const auto* version = kernel_.library.current("agent:" + role);
  if (!version) return failure("not_found", "no agent has the role \"" + role + "\"");
  return standing_.release(role, version->hash, current_combination(kernel_.library, role), by, batch);
}

void Dispatcher::commit_and_answer(store::Batch batch, std::function<void()> answer) {
  commit(std::move(batch), [answer = std::move(answer)](Status status) {
    if (status && answer) answer();
  });
}

void Dispatcher::logged(int64_t number, const std::string& level, const std::string& text) {
  Run* run = find(number);
  if (!run) return;
  const auto severity = level == "error"     ? LogLevel::error
                        : level == "warning" ? LogLevel::warning
                                             : LogLevel::info;
  kernel_.log.write(severity, run->agent, text);
}

void Dispatcher::end(Run& run) {
  executor_.cancel(run.id);
  if (run.call_off) run.call_off();
  awaits_.cancel(run);
  emissions_.cancel(run);
  reads_.drop(run.id);
  roster_.end(*roster_.find(run.agent));
  if (hooks_.activity) hooks_.activity(run.agent, "");
  runs_.erase(run.id);
  wake();
}

void Dispatcher::after_commit(const AfterCommit& after) {
  for (const auto& name : after.published) {
    if (hooks_.published) hooks_.published(name);
    if (auto status = kernel_.library.write_back(name); !status) {
      // The store is the truth: the version is in force, and written back at the next start.
      kernel_.log.error("host", "writing back " + name + ": " + status.error().message);
    }
  }
  if (!after.files.empty()) files_.wake();
}

void Dispatcher::arm_timer() {
  std::optional<int64_t> next = kernel_.queue.next_due();
  if (auto deadline = kernel_.governance.next_deadline(); deadline && (!next || *deadline < *next))
    next = deadline;
  if (auto due = probation_.next_due(); due && (!next || *due < *next)) next = due;
  if (!next) {
    due_->stop();
    return;
  }
  due_->start(std::max<int64_t>(1, *next - kernel_.clock.wall_ms()), [this] { deliver(); });
}

void Dispatcher::renew_leases() {
  std::set<int64_t> live;
  for (const auto& [id, run] : runs_) live.insert(id);
  for (const auto& [agent, id] : recovered_) live.insert(id);
  store::Batch batch;
  for (const int64_t id : drain_.overdue(runs_, kernel_.clock.steady_us() / 1000)) {
    // One that computes is about to end, or to wait.
    if (executor_.at_rest(id))
      hand_over(*runs_.at(id), RunStatus::cancelled, "it waited on with versions that were replaced long ago",
                batch);
  }
  leases_.renew(live, batch);
  if (!batch.empty()) commit(std::move(batch), nullptr);
}

Run* Dispatcher::find(int64_t run) {
  auto found = runs_.find(run);
  return found == runs_.end() ? nullptr : found->second.get();
}

}  // namespace clade::run
