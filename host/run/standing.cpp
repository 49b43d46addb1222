#include "run/standing.h"

#include "base/bytes.h"
#include "base/codec.h"
#include "run/program.h"
#include "script/history.h"

namespace clade::run {
namespace {

constexpr const char* kHost = "host";

std::string script_of(const std::string& role) {
  return "agent:" + role;
}

}  // namespace

std::string quarantine_text(const std::string& role, const std::string& version, const std::string& why) {
  return "the agents of " + role + " are stopped: version " + short_hash(version) + " " + why +
         ". Save another one, or go back with `clade script rollback " + role +
         "`, or let it go on with `clade script release " + role + "`";
}

Result<std::string> stopped_advice(store::Database& database, const script::Catalogue& catalogue,
                                   const std::string& role) {
  const SystemClock clock;
  Standing standing(clock);
  if (auto status = standing.load(database); !status) return failure(status.error());
  const auto found = catalogue.roles.find(role);
  if (!standing.any_quarantined() || found == catalogue.roles.end()) return std::string();
  auto skills = script::all_uses(catalogue, found->second.skills);
  if (!skills) return failure(skills.error());
  const auto current = [&](const std::string& name) -> Result<std::string> {
    auto query = database.prepare("SELECT hash FROM script WHERE name = ?1");
    query.bind(1, name);
    if (auto row = query.step(); !row) return failure(row.error());
    return query.text(0);
  };
  auto version = current(script_of(role));
  if (!version) return version;
  Value pins = Value::Map();
  for (const auto& skill : *skills) {
    auto hash = current("skill:" + skill);
    if (!hash) return hash;
    pins.set(skill, *hash);
  }
  if (!standing.quarantined(combination_of(*version, pins))) return std::string();
  return quarantine_text(role, *version, standing.why(combination_of(*version, pins)));
}

Status Standing::load(store::Database& database) {
  auto query = database.prepare(
      "SELECT verb, at, detail FROM script_event WHERE verb IN ('confirmed', 'blamed', 'quarantined', "
      "'released') AND install = 0 ORDER BY seq");
  for (;;) {
    auto row = query.step();
    if (!row) return failure(row.error());
    if (!*row) return {};
    auto detail = decode_json(query.text(2));
    if (!detail) return failure("corrupt", "an event of a script is damaged: " + detail.error().message);
    Record& record = records_[(*detail)["combination"].as_string()];
    const std::string verb = query.text(0);
    if (verb == "blamed") {
      note_death(record, query.integer(1));
    } else {
      if (verb == "released") record.deaths.clear();
      if (verb == "quarantined") record.why = (*detail)["reason"].as_string();
      set(record, verb == "confirmed"     ? State::confirmed
                  : verb == "quarantined" ? State::quarantined
                                          : State::unconfirmed);
    }
  }
}

void Standing::set(Record& record, State state) {
  if (record.state == State::quarantined) --quarantined_;
  if (state == State::quarantined) ++quarantined_;
  record.state = state;
  record.runs = 0;
}

void Standing::note_death(Record& record, int64_t at) {
  record.deaths.push_back(at);
  while (record.deaths.front() + kDeathsMs <= at) record.deaths.pop_front();
  if (record.state != State::quarantined) set(record, State::unconfirmed);
}

bool Standing::confirmed(const std::string& combination) const {
  const auto record = records_.find(combination);
  return record != records_.end() && record->second.state == State::confirmed;
}

bool Standing::quarantined(const std::string& combination) const {
  const auto record = records_.find(combination);
  return record != records_.end() && record->second.state == State::quarantined;
}

std::string Standing::why(const std::string& combination) const {
  const auto record = records_.find(combination);
  return record == records_.end() ? std::string() : record->second.why;
}

void Standing::worked(const Run& run, store::Batch& batch) {
  Record& record = records_[run.combination];
  if (record.state != State::unconfirmed) return;
  const int64_t now = clock_.wall_ms();
  if (record.runs++ == 0) record.first_at = now;
  if (record.runs < kConfirmRuns && now < record.first_at + kConfirmMs) return;
  const Value detail{{"combination", run.combination}, {"runs", record.runs}};
  script::record_standing({script_of(run.role), run.version, "confirmed", kHost, detail, now}, batch);
  set(record, State::confirmed);
}

bool Standing::died(const Run& run, const std::string& reason, store::Batch& batch) {
  Record& record = records_[run.combination];
  const int64_t now = clock_.wall_ms();
  const Value detail{{"combination", run.combination}, {"run", run.id}, {"reason", reason}};
  script::record_standing({script_of(run.role), run.version, "blamed", kHost, detail, now}, batch);
  note_death(record, now);
  if (record.deaths.size() < kDeaths || record.state == State::quarantined) return false;
  stop(run,
       "took its cell down " + std::to_string(kDeaths) + " times in " + std::to_string(kDeathsMs / 60000) +
           " minutes",
       batch);
  return true;
}

void Standing::stop(const Run& run, const std::string& why, store::Batch& batch) {
  Record& record = records_[run.combination];
  record.why = why;
  const Value detail{{"combination", run.combination}, {"reason", why}};
  script::record_standing({script_of(run.role), run.version, "quarantined", kHost, detail, clock_.wall_ms()},
                          batch);
  set(record, State::quarantined);
}

Status Standing::release(const std::string& role, const std::string& version, const std::string& combination,
                         const std::string& by, store::Batch& batch) {
  if (!quarantined(combination)) {
    return failure("unchanged", script_of(role) + " is not quarantined at its current version");
  }
  Record& record = records_[combination];
  record.deaths.clear();
  set(record, State::unconfirmed);
  script::record_standing(
      {script_of(role), version, "released", by, Value{{"combination", combination}}, clock_.wall_ms()},
      batch);
  return {};
}

}  // namespace clade::run
