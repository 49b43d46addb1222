#include "sim/witness.h"

#include <algorithm>

#include "base/codec.h"
#include "sim/promises.h"

namespace sim {

namespace {

std::string outcome_of(const clade::Result<clade::Value>& result) {
  return result ? clade::encode_json(*result) : result.error().code + ": " + result.error().message;
}

}  // namespace

std::string text(const Place& place) {
  return "run " + std::to_string(place.run) + ", strand " + place.strand + ", call " +
         std::to_string(place.position);
}

void Witness::broken(const char* promise, std::string how) {
  if (!broken_) broken_ = Broken{promise, std::move(how)};
}

bool Witness::run_started(int64_t run, Started started) {
  const std::string& agent = started.agent;
  const std::string& trigger = started.trigger;
  for (const auto& [other, its_agent] : live_) {
    if (other == run) continue;
    if (its_agent == agent)
      broken(kOneRunPerAgent,
             agent + " works on run " + std::to_string(other) + " and " + std::to_string(run));
    if (runs.at(other).trigger == trigger)
      broken(kOneLease,
             trigger + " is worked on by run " + std::to_string(other) + " and " + std::to_string(run));
  }
  const auto known = runs.find(run);
  const auto effect = effects.lower_bound({run, "", 0});
  const bool had_effects = effect != effects.end() && effect->first.run == run;
  if (known == runs.end() && asks_given_up_.count(trigger))
    broken(kGivenUp, "the question " + trigger + " was given up before, and run " + std::to_string(run) +
                         " begins to answer it");
  const bool goes_on = known != runs.end() && known->second.life != started.life && had_effects;
  if (known != runs.end() && (known->second.agent != agent || known->second.trigger != trigger ||
                              known->second.program != started.program)) {
    // A number may be used again only if nothing of the run got out.
    if (had_effects)
      broken(kStartedFirst, "run " + std::to_string(run) + " had effects, and its number was used again");
    forget(run);
  }
  live_[run] = agent;
  runs[run] = std::move(started);
  finished.erase(run);
  failed.erase(run);
  suspects.erase(run);
  excused.erase(run);
  seen_.erase(run);
  kept_.erase(run);
  return goes_on;
}

void Witness::forget(int64_t run) {
  decided_.erase(decided_.lower_bound({run, ""}), decided_.lower_bound({run + 1, ""}));
  forsaken.erase(forsaken.lower_bound({run, "", 0}), forsaken.lower_bound({run + 1, "", 0}));
}

void Witness::run_left(int64_t run) {
  live_.erase(run);
}

void Witness::run_finished(int64_t run, Intent intent) {
  finished[run] = std::move(intent);
  run_left(run);
}

void Witness::lease_lost(const std::string& task) {
  for (const auto& [run, agent] : live_) {
    if (runs.at(run).trigger == task)
      broken(kLeaseOfLive, "task " + task + " is taken from run " + std::to_string(run));
  }
}

void Witness::life_ended() {
  live_.clear();
  under_way_.clear();
  asks_given_up_.clear();
}

void Witness::effect_began(const Place& place, bool idempotent) {
  Effect& effect = effects[place];
  effect.idempotent = idempotent;
  ++effect.begins;
  under_way_.insert(place);
  keep_seen(place);
  if (forsaken.count(place)) broken(kGivenUp, text(place) + " was given up, and begins");
  if (told.count(place)) broken(kFinishedOnce, text(place) + " began again after it had finished");
  if (!idempotent && effect.begins > 1)
    broken(kUnknownOutcome, text(place) + " began again, and nobody knows whether it took effect before");
}

void Witness::tell(const Place& place, const std::string& op, const std::string& outcome) {
  const auto [known, is_new] = told.emplace(place, outcome);
  if (!is_new && known->second != outcome)
    broken(kSameAnswer,
           text(place) + " (" + op + ") was answered " + known->second + ", and then " + outcome);
}

void Witness::answered(const Place& place, const std::string& op, const clade::Result<clade::Value>& result) {
  tell(place, op, outcome_of(result));
  keep_seen(place);
  if (forsaken.count(place)) broken(kGivenUp, text(place) + " was given up, and is answered");
  const auto effect = effects.find(place);
  const bool unknown = !result && result.error().code == "outcome_unknown";
  if (unknown && effect != effects.end() && effect->second.idempotent)
    broken(kUnknownOutcome, text(place) + " may be repeated, and its script is told of an unknown outcome");
}

void Witness::answered_read(const Place& place, const std::string& op,
                            const clade::Result<clade::Value>& result) {
  const std::string outcome = outcome_of(result);
  if (told.count(place)) {
    tell(place, op, outcome);
  } else {
    seen_[place.run].push_back({Seen::Kind::read, place, outcome});
  }
}

bool Witness::decided(int64_t run, const std::string& strand, const std::string& outcome) {
  const bool known = decided_.count({run, strand + " " + outcome.substr(0, outcome.rfind(':'))}) > 0;
  see({Seen::Kind::decision, {run, strand, 0}, outcome});
  return known;
}

void Witness::given_up(const Place& place, const std::string& op) {
  if (under_way_.count(place)) broken(kGivenUp, text(place) + " was given up, and goes on");
  if (op == "ask")
    asks_given_up_.insert("r" + std::to_string(place.run) + ".ask." + place.strand + "." +
                          std::to_string(place.position));
  see({Seen::Kind::loss, place, op});
}

// What follows from awaits alone comes out the same whenever they are handed again. But what had not begun
// when it was given up may be a little faster then, as long as nothing of that is on disk.
void Witness::see(Seen seen) {
  const bool may_begin = seen.kind == Seen::Kind::loss && !effects.count(seen.place);
  auto& others = seen_[seen.place.run];
  if (kept_[seen.place.run] == others.size() && !may_begin) {
    keep(seen);
  } else {
    others.push_back(std::move(seen));
  }
}

void Witness::keep(const Seen& seen) {
  switch (seen.kind) {
    case Seen::Kind::read:
      told.emplace(seen.place, seen.outcome);
      break;
    case Seen::Kind::trial:
      break;
    case Seen::Kind::decision: {
      const auto colon = seen.outcome.rfind(':');
      const auto [known, is_new] = decided_.emplace(
          std::pair(seen.place.run, seen.place.strand + " " + seen.outcome.substr(0, colon)), seen.outcome);
      if (!is_new && known->second != seen.outcome)
        broken(kSameWinner, "run " + std::to_string(seen.place.run) + ", strand " + seen.place.strand + ": " +
                                known->second + ", and then " + seen.outcome);
      break;
    }
    case Seen::Kind::loss:
      forsaken.insert(seen.place);
  }
}

void Witness::called_await(const Place& place) {
  // One that an earlier execution called for began then, and keeps no reads of this one.
  const auto [entry, is_new] = seen_before_.emplace(place, seen_[place.run].size());
  if (!is_new) entry->second = 0;
}

void Witness::keep_seen(const Place& await) {
  const auto& seen = seen_[await.run];
  const auto before = seen_before_.find(await);
  const size_t count = before == seen_before_.end() ? 0 : std::min(seen.size(), before->second);
  for (size_t at = 0; at < count; ++at) keep(seen[at]);
  kept_[await.run] = std::max(kept_[await.run], count);
}

void Witness::acknowledged_verb(const std::string& task, const std::string& verb, const std::string& by) {
  verbs.push_back({task, verb, by});
}

}  // namespace sim
