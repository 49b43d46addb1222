#include "run/emissions.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "run/emit.h"

namespace clade::run {
namespace {

constexpr const char* kPublish = "script.publish";
constexpr auto kTrials = 16;  // of a run at once: each holds the programs of all roles that it concerns

}  // namespace

Emissions::Emissions(const Kernel& kernel, Handover& handover, Find find, TryVersion try_version)
    : kernel_(kernel), handover_(handover), find_(std::move(find)), try_version_(std::move(try_version)) {}

void Emissions::begin(Run& run, const std::string& strand, int64_t position, const std::string& op,
                      const Value& args, bool again) {
  if (run.splits_ahead > 0) {
    // It was let through, and is committed (split.h).
    Value value = emission_answer(run.id, run.outbox.next, op, args);
    if (again && answers_from_state(op)) value = *run.journal.at({strand, position})->result;
    handover_.at_once(run, strand, std::move(value));
    return;
  }
  const script::Version* current =
      op == kPublish && try_version_ ? kernel_.library.current(args["name"].as_string()) : nullptr;
  if (current) {
    begin_trial(run, strand, position, args, again, *current);
    return;
  }
  script::Call call(*run.grants, args, kernel_.clock.steady_us());
  if (again) call.waive_limits();
  answer(run, strand, position, op, args, call, again, emit(kernel_, run, op, args, call));
}

void Emissions::begin_trial(Run& run, const std::string& strand, int64_t position, const Value& args,
                            bool again, const script::Version& current) {
  const auto open = std::count_if(trials_.begin(), trials_.end(),
                                  [&](const auto& entry) { return entry.second.run == run.id; });
  const uint64_t number = ++last_trial_;
  Trial& trial = trials_.try_emplace(number).first->second;
  trial.run = run.id;
  trial.strand = strand;
  trial.position = position;
  trial.args = args;
  trial.again = again;
  script::Call& call = trial.call.emplace(*run.grants, trial.args, kernel_.clock.steady_us());
  if (again) call.waive_limits();
  Status allowed = check_publication(kernel_, run, trial.args, call);
  if (allowed && open >= kTrials) {
    allowed = failure("limit", std::string(kPublish) + ": " + std::to_string(kTrials) +
                                   " versions of this run are being tried: wait for one of them first");
  }
  if (!allowed) {
    const auto refused = trials_.extract(number);
    answer(run, strand, position, kPublish, args, call, again, failure(allowed.error()));
    return;
  }
  // It has its token, and takes no second one when it enters the outbox.
  call.waive_limits();
  script::Version candidate = current;
  candidate.source = args["source"].as_string();
  candidate.hash = content_hash(candidate.source);
  trial.call_off =
      try_version_(candidate, run.agent, [this, number](const Status& loads) { end_trial(number, loads); });
}

void Emissions::end_trial(uint64_t number, const Status& loads) {
  const auto entry = trials_.find(number);
  Run* run = entry == trials_.end() ? nullptr : find_(entry->second.run);
  if (!run) return;
  entry->second.call_off = nullptr;  // it is over
  handover_.ready(*run, {entry->second.strand, entry->second.position},
                  [this, number, loads](Run& live) { return outcome(live, number, loads); });
  handover_.go_on(run->id);
}

Result<Value> Emissions::outcome(Run& run, uint64_t number, const Status& loads) {
  auto entry = trials_.extract(number);
  Trial& trial = entry.mapped();
  // Much may have changed since it was checked.
  auto result = loads ? emit(kernel_, run, kPublish, trial.args, *trial.call)
                      : failure("does_not_load", std::string(kPublish) + ": " + loads.error().message);
  if (result) trial.call->keep();
  if (!trial.again)
    run.journal.add_read(trial.strand, trial.position, kPublish, trial.args, result, kernel_.clock.wall_ms());
  return result;
}

void Emissions::answer(Run& run, const std::string& strand, int64_t position, const std::string& op,
                       const Value& args, script::Call& call, bool again, Result<Value> outcome) {
  if (outcome) call.keep();
  // A refusal depends on shared state: a second execution must be refused again. What a rate let through must
  // pass again, however much faster it comes. A replay has no state that could answer.
  if (!again && (!outcome || call.is_metered() || answers_from_state(op)))
    run.journal.add_answer(strand, position, op, args, outcome, kernel_.clock.wall_ms());
  if (const auto* entry = run.journal.at({strand, position}); again && entry->turn != 0) {
    // It was tried before, and there is nothing to try any more.
    Handover::ready(run, {strand, position}, [outcome = std::move(outcome)](Run&) { return outcome; });
  } else {
    handover_.at_once(run, strand, std::move(outcome));
  }
}

void Emissions::cancel(const Run& run) {
  call_off([&](const Trial& trial) { return trial.run == run.id; });
}

void Emissions::withdraw(const Run& run, const std::string& strand) {
  call_off([&](const Trial& trial) { return trial.run == run.id && trial.strand == strand; });
}

void Emissions::call_off(const std::function<bool(const Trial&)>& which) {
  for (auto trial = trials_.begin(); trial != trials_.end();) {
    if (!which(trial->second)) {
      ++trial;
      continue;
    }
    if (trial->second.call_off) trial->second.call_off();
    trial = trials_.erase(trial);
  }
}

}  // namespace clade::run
