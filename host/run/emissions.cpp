#include "run/emissions.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "run/emit.h"
#include "run/record.h"

namespace clade::run {
namespace {

constexpr const char* kPublish = "script.publish";
constexpr auto kTrials = 16;  // of a run at once: each holds the programs of all roles that it concerns

}  // namespace

Emissions::Emissions(const Kernel& kernel, Executor& executor, Find find, TryVersion try_version)
    : kernel_(kernel), executor_(executor), find_(std::move(find)), try_version_(std::move(try_version)) {}

void Emissions::begin(Run& run, const std::string& strand, int64_t position, const std::string& op,
                      const Value& args, bool again) {
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
  auto entry = trials_.extract(number);
  if (!entry) return;
  Trial& trial = entry.mapped();
  Run* run = find_(trial.run);
  if (!run) return;
  // Much may have changed since it was checked.
  auto outcome = loads ? emit(kernel_, *run, kPublish, trial.args, *trial.call)
                       : failure("does_not_load", std::string(kPublish) + ": " + loads.error().message);
  answer(*run, trial.strand, trial.position, kPublish, trial.args, *trial.call, trial.again,
         std::move(outcome));
}

void Emissions::answer(Run& run, const std::string& strand, int64_t position, const std::string& op,
                       const Value& args, script::Call& call, bool again, Result<Value> outcome) {
  if (outcome) call.keep();
  // A refusal depends on shared state: a second execution must be refused again. What a rate let through must
  // pass again, however much faster it comes.
  if (!again && (!outcome || call.is_metered()))
    run.journal.add_read(strand, position, op, args, outcome, kernel_.clock.wall_ms());
  answer_run(executor_, run, strand, std::move(outcome));
}

void Emissions::cancel(const Run& run) {
  for (auto trial = trials_.begin(); trial != trials_.end();) {
    if (trial->second.run != run.id) {
      ++trial;
      continue;
    }
    if (trial->second.call_off) trial->second.call_off();
    trial = trials_.erase(trial);
  }
}

}  // namespace clade::run
