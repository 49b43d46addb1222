#include "run/probation.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "run/program.h"

namespace clade::run {
namespace {

// Of an error, in a line about a version.
constexpr size_t kShownError = 300;

}  // namespace

std::string first_line(const std::string& error) {
  return error.substr(0, std::min(error.find('\n'), kShownError));
}

// "agent:worker 3fa2b1c09d11, skill:text.slug 81ab…": what is on probation, or what was in force before.
std::string Probation::names_of(int64_t install, bool now) const {
  std::string text;
  for (const auto& [name, before] : kernel_.library.installs().at(install).before) {
    if (!before) continue;
    const std::string& hash = now ? kernel_.library.newest(name)->hash : before->hash;
    text += (text.empty() ? "" : ", ") + name + " " + short_hash(hash);
  }
  return text;
}

Decision Probation::decide(Decision::Kind kind, int64_t install) const {
  Decision decision;
  decision.kind = kind;
  decision.install = install;
  decision.roles = kernel_.library.roles_of(install);
  return decision;
}

void Probation::forget_ended() {
  std::erase_if(records_,
                [&](const auto& entry) { return kernel_.library.installs().count(entry.first) == 0; });
}

std::optional<int64_t> Probation::install_of(const Run& run) const {
  const int64_t install = run.install == 0 ? 0 : kernel_.library.install_now(run.install);
  if (install == 0 || kernel_.library.installs().at(install).suspended) return std::nullopt;
  return run.combination == current_combination(kernel_.library, run.role) ? std::optional(install)
                                                                           : std::nullopt;
}

int64_t Probation::evidence_about(const Run& run) const {
  for (const auto& [install, record] : records_) {
    if (record.suspicion && run.install == 0 && record.suspicion->role == run.role &&
        record.suspicion->trigger == run.trigger && record.suspicion->trigger_id == run.trigger_id)
      return install;
  }
  return 0;
}

std::string Probation::objection(const Run& run) const {
  const int64_t install = run.install == 0 ? 0 : kernel_.library.install_now(run.install);
  if (install == 0) return "";
  const auto& before = kernel_.library.installs().at(install);
  return floods(run.emitted + run.outbox.emitted(),
                experience_.of(combination_before(kernel_.library, run.role, before)));
}

std::optional<Decision> Probation::committed(const Run& run, store::Batch& batch) {
  forget_ended();
  // A run that was taken up again waited for its host, too.
  const int64_t wall_ms = run.restored ? 0 : kernel_.clock.wall_ms() - run.started_at;
  const Cost cost{run.agent, run.usage.cpu_us, wall_ms, run.usage.memory_bytes, run.emitted};
  experience_.add(run.combination, cost);
  if (const int64_t install = evidence_about(run)) {
    const std::string before = names_of(install, false);
    return convict(install, "which " + before + " handled", batch);
  }
  const auto install = install_of(run);
  if (!install) return std::nullopt;
  Record& record = records_[*install];
  if (record.runs++ == 0) record.first_at = kernel_.clock.wall_ms();
  auto& costs = record.costs[run.role];
  costs.push_back(cost);
  if (costs.size() > kRemembered) costs.pop_front();
  const std::string before =
      combination_before(kernel_.library, run.role, kernel_.library.installs().at(*install));
  if (const auto worse = worse_than(costs, experience_.of(before)); !worse.empty())
    return undo(*install, "is worse: " + worse, Value{{"run", run.id}}, batch);
  if (record.runs < rules_.runs) return std::nullopt;
  return confirm(*install, batch);
}

std::optional<Decision> Probation::failed(const Run& run, const std::string& error) {
  forget_ended();
  if (const int64_t install = evidence_about(run))
    return resume(install,
                  "the version before failed on " + run.trigger_id + " as well: " + first_line(error));
  if (!would_suspend(run)) return std::nullopt;
  const int64_t install = *install_of(run);
  Record& record = records_[install];
  record.suspicion =
      Suspicion{run.id, run.role, run.trigger, run.trigger_id, names_of(install, true), first_line(error)};
  Decision decision = decide(Decision::Kind::suspended, install);
  decision.text = record.suspicion->versions + " failed on " + run.trigger_id +
                  " while on probation: " + record.suspicion->error + "; " + names_of(install, false) +
                  " takes over for now, and " + run.trigger_id;
  kernel_.library.suspend(install, true);
  return decision;
}

bool Probation::would_suspend(const Run& run) const {
  const auto install = install_of(run);
  if (!install) return false;
  const auto record = records_.find(*install);
  return record == records_.end() || record->second.excused.count(run.trigger_id) == 0;
}

bool Probation::hands_over(const Run& run) const {
  return run.install != 0 && kernel_.library.install_now(run.install) != 0 && !install_of(run);
}

Decision Probation::undo_unanswered(int64_t install, store::Batch& batch) {
  return convict(install, "which no version before takes", batch);
}

Decision Probation::confirm(int64_t install, store::Batch& batch) {
  Decision decision = decide(Decision::Kind::confirmed, install);
  const int64_t runs = records_[install].runs;
  decision.text =
      names_of(install, true) + " confirmed after " + std::to_string(runs) + (runs == 1 ? " run" : " runs");
  kernel_.library.confirm(install, Value{{"runs", runs}}, batch);
  records_.erase(install);
  return decision;
}

Decision Probation::undo(int64_t install, const std::string& reason, Value detail, store::Batch& batch) {
  Decision decision = decide(Decision::Kind::undone, install);
  decision.text = names_of(install, false) + " is in force again: " + names_of(install, true) + " " + reason;
  detail.set("reason", reason).set("runs", records_[install].runs);
  decision.scripts = kernel_.library.undo(install, detail, batch);
  records_.erase(install);
  return decision;
}

Decision Probation::convict(int64_t install, const std::string& proof, store::Batch& batch) {
  const Suspicion suspicion = *records_[install].suspicion;
  return undo(install, "failed on " + suspicion.trigger_id + ", " + proof + ": " + suspicion.error,
              Value{{"run", suspicion.run}, {"trigger", suspicion.trigger_id}}, batch);
}

Decision Probation::resume(int64_t install, const std::string& why) {
  Record& record = records_[install];
  Decision decision = decide(Decision::Kind::resumed, install);
  decision.text = record.suspicion->versions + " goes on: " + why;
  record.excused.insert(record.suspicion->trigger_id);
  record.suspicion.reset();
  kernel_.library.suspend(install, false);
  return decision;
}

bool Probation::is_open(const Suspicion& suspicion) const {
  return suspicion.trigger == Trigger::task ? kernel_.queue.find(suspicion.trigger_id) != nullptr
                                            : kernel_.mail.find(suspicion.trigger_id) != nullptr;
}

std::vector<Decision> Probation::look(int64_t now, const std::function<bool(const Decision&)>& is_held,
                                      store::Batch& batch) {
  forget_ended();
  std::vector<Decision> decisions;
  std::vector<int64_t> looked_at;
  for (const auto& [install, record] : records_) looked_at.push_back(install);
  for (const int64_t install : looked_at) {
    Record& record = records_.at(install);
    if (record.suspicion) {
      if (!is_open(*record.suspicion))
        decisions.push_back(
            resume(install, record.suspicion->trigger_id + " was taken back before anybody could tell"));
    } else if (record.runs > 0 && now >= record.first_at + rules_.ms) {
      record.is_held = is_held(decide(Decision::Kind::confirmed, install));
      if (!record.is_held) decisions.push_back(confirm(install, batch));
    }
  }
  return decisions;
}

std::optional<int64_t> Probation::next_due() const {
  std::optional<int64_t> next;
  for (const auto& [install, record] : records_) {
    // One that is held is looked at when something has happened.
    if (record.suspicion || record.is_held || record.runs == 0) continue;
    const int64_t due = record.first_at + rules_.ms;
    next = next ? std::min(*next, due) : due;
  }
  return next;
}

Value Probation::status() const {
  Value out = Value::Array();
  for (const auto& [id, install] : kernel_.library.installs()) {
    Value scripts = Value::Array();
    for (const auto& [name, before] : install.before) {
      scripts.push(Value{{"name", name},
                         {"hash", kernel_.library.newest(name)->hash},
                         {"before", before ? before->hash : std::string()}});
    }
    Value roles = Value::Array();
    for (const auto& role : kernel_.library.roles_of(id)) roles.push(role);
    const auto found = records_.find(id);
    const Record record = found == records_.end() ? Record() : found->second;
    Value entry{{"install", id},
                {"scripts", std::move(scripts)},
                {"roles", std::move(roles)},
                {"runs", record.runs},
                {"of", rules_.runs},
                {"since", record.first_at},
                {"suspended", install.suspended}};
    if (record.suspicion) {
      entry.set("suspect", Value{{"run", record.suspicion->run},
                                 {"trigger", record.suspicion->trigger_id},
                                 {"error", record.suspicion->error}});
    }
    out.push(std::move(entry));
  }
  return out;
}

}  // namespace clade::run
