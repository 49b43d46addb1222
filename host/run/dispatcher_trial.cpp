// What the dispatcher does about runs that fail, and about versions on probation that they are evidence of
// (probation.h).
#include "base/bytes.h"
#include "run/dispatcher.h"
#include "run/program.h"
#include "run/record.h"

namespace clade::run {

bool Dispatcher::ask_version_before(Run& run, const Value& result, const Value& state) {
  const auto& installs = kernel_.library.installs();
  const auto install = installs.find(run.install);
  if (!hooks_.examine || install == installs.end() || state == run.state->value) return false;
  const auto before = roles_.form(run.role, combination_before(kernel_.library, run.role, install->second));
  const auto now = roles_.form(run.role, run.combination);
  // A state of another form is none of its business.
  if (!before || !before->checks || !now || now->schema != before->schema) return false;
  auto program = program_before(kernel_.library, run.role, run.agent, install->second);
  if (!program) return false;
  run.call_off = hooks_.examine(
      std::move(*program), {state, "", 0},
      [this, alive = alive_, number = run.id, result, state](Result<Value> seen) {
        Run* asked = *alive ? find(number) : nullptr;
        if (!asked) return;
        asked->call_off = nullptr;
        if (seen) return conclude_run(*asked, result, state);
        fail(*asked, RunStatus::failed,
             "the version before does not take the state that it leaves: " + seen.error().message);
      });
  return true;
}

void Dispatcher::fail(Run& run, RunStatus status, const std::string& error) {
  store::Batch batch;
  std::vector<Decision> decisions;
  bool is_handed_over = probation_.hands_over(run);
  if (probation_.would_suspend(run) && !has_way_back(run)) {
    // It waits with its agent, until somebody has mended what runs.
    is_handed_over = true;
    stop_role(run,
              "failed on " + run.trigger_id +
                  " while on probation, and its state has no way back: " + first_line(error),
              batch);
  } else if (auto decision = probation_.failed(run, error)) {
    take(*decision, batch);
    decisions.push_back(std::move(*decision));
    if (decisions.back().kind == Decision::Kind::suspended) {
      is_handed_over = handles_trigger(run);
      if (!is_handed_over) decisions.push_back(probation_.undo_unanswered(decisions.back().install, batch));
    }
  }
  std::function<void()> answer;
  if (is_handed_over) {
    hand_over(run, status, error, batch);
  } else {
    answer = spend_attempt(run, status, error, batch);
  }
  if (decisions.size() > 1) take(decisions.back(), batch);
  settlement_.settle(batch);
  commit_and_answer(std::move(batch), [this, answer = std::move(answer), decisions] {
    if (answer) answer();
    for (const auto& decision : decisions) tell(decision);
  });
}

void Dispatcher::stop_role(const Run& run, const std::string& why, store::Batch& batch) {
  standing_.stop(run, why, batch);
  tell_stopped(run);
}

void Dispatcher::tell_stopped(const Run& run) {
  kernel_.log.error("host", quarantine_text(run.role, run.version, standing_.why(run.combination)));
  // A run that began before its role changed says nothing about what the role runs now.
  const auto stopped_roles = stopped();
  if (const auto role = stopped_roles.find(run.role); hooks_.alarm && role != stopped_roles.end())
    hooks_.alarm(role->second);
}

bool Dispatcher::has_way_back(const Run& run) const {
  if (no_way_back_.count(run.combination) > 0) return false;
  const script::Install& install = kernel_.library.installs().at(run.install);
  const auto now = roles_.form(run.role, run.combination);
  const auto before = roles_.form(run.role, combination_before(kernel_.library, run.role, install));
  return !now || !before || now->schema <= before->schema || before->goes_back;
}

std::function<void()> Dispatcher::spend_attempt(Run& run, RunStatus status, const std::string& error,
                                                store::Batch& batch) {
  record_run(run, status, error, kernel_.clock.wall_ms(), batch);
  executor_.cancel(run.id);
  std::string dead_ask;
  int64_t asker = 0;
  if (run.trigger == Trigger::task) {
    // "fenced" is the only refusal: the task is another's by now.
    (void)kernel_.queue.fail(run.trigger_id, run.lease, error, true, batch);
  } else {
    const mail::Message* message = kernel_.mail.find(run.trigger_id);
    if (message && message->wants_reply) asker = message->run;
    auto dead = kernel_.mail.failed(run.trigger_id, error, batch);
    if (dead && *dead) dead_ask = run.trigger_id;
  }
  settlement_.settle(batch);
  end(run);
  if (dead_ask.empty() || asker == 0) return nullptr;
  return awaits_.take_reply(dead_ask, asker, failure("failed", error), batch);
}

void Dispatcher::hand_over(Run& run, RunStatus status, const std::string& error, store::Batch& batch) {
  record_run(run, status, error, kernel_.clock.wall_ms(), batch);
  executor_.cancel(run.id);
  // A message waits where it is. Of a task "fenced" is the only refusal: it is another's by now.
  if (run.trigger == Trigger::task)
    (void)kernel_.queue.release(run.trigger_id, run.lease, "the version before takes it over: " + error,
                                batch);
  end(run);
}

bool Dispatcher::handles_trigger(const Run& run) const {
  if (run.trigger == Trigger::mail) return roles_.takes_mail(run.role);
  const queue::Task* task = kernel_.queue.find(run.trigger_id);
  return task && roles_.takes(run.role, task->type);
}

void Dispatcher::take(const Decision& decision, store::Batch& batch) {
  if (decision.kind == Decision::Kind::confirmed) return;
  for (const auto& role : decision.roles)
    (void)roles_.choose(role, current_combination(kernel_.library, role));
  if (decision.kind != Decision::Kind::undone) return;
  std::vector<Run*> left;
  for (const auto& [id, run] : runs_) {
    if (run->install == decision.install) left.push_back(run.get());
  }
  for (Run* run : left) hand_over(*run, RunStatus::cancelled, "its version was undone", batch);
}

void Dispatcher::tell(const Decision& decision) {
  if (hooks_.decided) hooks_.decided(decision);
  after_commit({decision.scripts, {}});
}

}  // namespace clade::run
