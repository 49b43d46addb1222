// What the dispatcher does about runs that fail, and about versions on probation that they are evidence of
// (probation.h).
#include <algorithm>

#include "base/bytes.h"
#include "run/dispatcher.h"
#include "run/program.h"
#include "run/record.h"

namespace clade::run {

void Dispatcher::commit_checked(Run& run, const Value& state, std::function<void(Run&)> commits) {
  if (const auto objection = probation_.objection(run); !objection.empty())
    return fail(run, RunStatus::failed, objection);
  const int64_t number = kernel_.library.install_now(run.install);
  if (!hooks_.examine || run.install == 0 || number == 0 || state == run.state->value) return commits(run);
  const script::Install& install = kernel_.library.installs().at(number);
  auto program = program_before(kernel_.library, run.role, run.agent, install);
  if (!program) return commits(run);
  const auto before = roles_.form(run.role, combination_before(kernel_.library, run.role, install));
  // A state of another form is none of its business. One of which nothing is known is asked.
  if (kernel_.library.schema_of(program->version) != kernel_.library.schema_of(run.version) ||
      (before && !before->checks))
    return commits(run);
  run.call_off = hooks_.examine(
      std::move(*program), {state, "", 0},
      [this, alive = alive_, id = run.id, commits = std::move(commits)](const Result<Value>& seen) {
        Run* asked = *alive ? find(id) : nullptr;
        if (!asked) return;
        asked->call_off = nullptr;
        // That there was no cell to ask in is not the version's fault.
        if (seen || seen.error().code == "io") return commits(*asked);
        fail(*asked, RunStatus::failed,
             "the version before does not take the state that it leaves: " + seen.error().message);
      });
}

std::string Dispatcher::problem_of_state(const Run& run) const {
  if (run.restored || run.state->version.empty() || run.state->version == run.version) return "";
  const int64_t schema = kernel_.library.schema_of(run.state->version);
  const auto form = roles_.form(run.role, run.combination);
  if (!form || schema <= form->schema || form->goes_back) return "";
  return "cannot go on with the state of " + run.agent + ", which has schema " + std::to_string(schema) +
         ": it knows " + std::to_string(form->schema) + " and has no migrate.back";
}

void Dispatcher::fail(Run& run, RunStatus status, const std::string& error) {
  store::Batch batch;
  std::vector<Decision> decisions;
  bool is_handed_over = probation_.hands_over(run);
  const bool is_suspect = probation_.would_suspend(run);
  // Where what it replaced must not run, it is an ordinary failure.
  const bool is_judged = !is_suspect || has_judge(run);
  if (is_judged && is_suspect && !has_way_back(run)) {
    // It waits with its agent, until somebody has mended what runs.
    is_handed_over = true;
    stop_role(run,
              "failed on " + run.trigger_id +
                  " while on probation, and its state has no way back: " + first_line(error),
              batch);
  } else if (auto decision = is_judged ? probation_.failed(run, error) : std::nullopt) {
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

bool Dispatcher::has_judge(const Run& run) const {
  const script::Install& install = kernel_.library.installs().at(kernel_.library.install_now(run.install));
  return !standing_.quarantined(combination_before(kernel_.library, run.role, install));
}

bool Dispatcher::has_way_back(const Run& run) const {
  const script::Install& install = kernel_.library.installs().at(kernel_.library.install_now(run.install));
  const auto before = roles_.form(run.role, combination_before(kernel_.library, run.role, install));
  if (!before || (before->goes_back && no_way_back_.count(run.combination) == 0)) return true;
  // What has not been written yet is in nobody's way.
  const auto& agents = roster_.all();
  return std::none_of(agents.begin(), agents.end(), [&](const auto& entry) {
    const AgentState& state = entry.second.state;
    return entry.second.role == run.role && kernel_.library.schema_of(state.version) > before->schema;
  });
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
  // A task that was taken back says nothing about a version: Probation::look takes note of that.
  const queue::Task* task = kernel_.queue.find(run.trigger_id);
  return !task || roles_.takes(run.role, task->type);
}

void Dispatcher::take(const Decision& decision, store::Batch& batch) {
  if (decision.kind == Decision::Kind::confirmed) return;
  for (const auto& role : decision.roles)
    (void)roles_.choose(role, current_combination(kernel_.library, role));
  if (decision.kind != Decision::Kind::undone) return;
  std::vector<Run*> left;
  for (const auto& [id, run] : runs_) {
    if (run->install != 0 && kernel_.library.install_now(run->install) == 0 &&
        was_withdrawn(kernel_.library, run->role, run->version, run->pins))
      left.push_back(run.get());
  }
  for (Run* run : left) hand_over(*run, RunStatus::cancelled, "its version was undone", batch);
}

void Dispatcher::tell(const Decision& decision) {
  if (hooks_.decided) hooks_.decided(decision);
  after_commit({decision.scripts, {}});
}

}  // namespace clade::run
