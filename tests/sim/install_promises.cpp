#include <algorithm>
#include <set>

#include "sim/in_force.h"
#include "sim/texts.h"
#include "sim/view.h"

namespace sim {
namespace {

using Event = Stored::ScriptEvent;

bool starts_with(const std::string& text, const std::string& start) {
  return text.rfind(start, 0) == 0;
}

bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

bool is_failure(const Stored::Run& run) {
  return run.status == "failed" || run.status == "lost" || run.status == "diverged";
}

// The next run on what this one was about, or 0.
int64_t next_run(const Stored& stored, int64_t run) {
  const std::string& trigger = stored.runs.at(run).trigger;
  for (auto next = stored.runs.upper_bound(run); next != stored.runs.end(); ++next) {
    if (next->second.trigger == trigger) return next->first;
  }
  return 0;
}

// Was undone because it failed on something: what keeps that from being right, or "".
std::string wrong_with_conviction(const View& view, const InForce& before, const Event& event) {
  const auto& stored = view.stored;
  const int64_t suspect = event.detail["run"].as_integer();
  const std::string& reason = event.detail["reason"].as_string();
  const auto found = stored.runs.find(suspect);
  if (found == stored.runs.end() || !is_failure(found->second)) return "nothing failed";
  const auto& run = found->second;
  if (event.detail["trigger"].as_string() != run.trigger) return "it failed on something else";
  for (const auto& name : before.names_of(event.install)) {
    if (role_of(name) == run.role && !runs_version(run, before.scripts().at(name).newest))
      return "run " + std::to_string(suspect) + " was not one of " + name;
  }
  const bool says_so = run.error == "it raised" || run.error == "its cell died";
  if (says_so && !view.witness.failed.count(suspect))
    return "run " + std::to_string(suspect) + " never failed";
  if (contains(reason, "which no version before takes")) {
    const auto task = stored.tasks.find(run.trigger);
    const bool nobody_takes_it = task != stored.tasks.end() && task->second.type == kFreshTask;
    return nobody_takes_it ? "" : "the version before takes " + run.trigger;
  }
  const int64_t judge = next_run(stored, suspect);
  const bool proved = judge != 0 && stored.runs.at(judge).status == "committed" &&
                      before.is_before(event.install, stored.runs.at(judge));
  return proved ? "" : "no run of what was confirmed handled " + run.trigger;
}

// … or because its runs take more than those before.
std::string wrong_with_comparison(const View& view, const Event& event) {
  const std::string& reason = event.detail["reason"].as_string();
  if (!contains(reason, "processor time") && !contains(reason, "memory")) return "";
  const auto& events = view.stored.script_events;
  // Runs that began before a part of an install was rolled back still count for the rest of it.
  const bool is_rest = std::any_of(events.begin(), events.end(), [&](const Event& other) {
    return other.verb == "rolled_back" && role_of(other.name) == role_of(event.name);
  });
  if (is_rest) return "";
  const bool costly = std::any_of(events.begin(), events.end(), [&](const Event& other) {
    return other.install == event.install && other.verb == "undone" &&
           has_nature(view.stored.texts.at(other.hash), Nature::costly);
  });
  return costly ? "" : "it takes no more than others";
}

// The install was decided about otherwise, or is part of another one: so the suspicion is void.
bool is_over(const std::vector<Event>& events, int64_t install) {
  std::set<std::string> roles;
  for (const auto& event : events) {
    const bool its_own = event.install == install;
    if (its_own) roles.insert(role_of(event.name));
    if (roles.count(role_of(event.name)) == 0) continue;
    const bool adoption =
        event.verb == "imported" || event.verb == "published" || event.verb == "rolled_back";
    if (its_own && event.verb == "undone") return true;
    if (!its_own && adoption) return true;
  }
  return false;
}

}  // namespace

void scripts_are_in_force(const View& view) {
  const InForce told(view.stored.script_events, view.witness.forced);
  if (!told.wrong().empty()) view.broken(told.wrong());
  for (const auto& [name, script] : told.scripts()) {
    const auto found = view.stored.scripts.find(name);
    if (found == view.stored.scripts.end()) {
      if (!script.newest.empty()) view.broken(name + " is gone");
      continue;
    }
    const auto& [hash, fallback, install] = found->second;
    if (hash != script.newest || install != script.install ||
        fallback != (script.install == 0 ? "" : script.confirmed))
      view.broken(name + " is at " + hash.substr(0, 12) + " with install " + std::to_string(install));
  }
}

void verdicts_are_proved(const View& view) {
  const auto& events = view.stored.script_events;
  for (size_t number = 0; number < events.size(); ++number) {
    const Event& event = events[number];
    if (event.verb != "undone") continue;
    // All of an install are decided about one after the other.
    size_t first = number;
    while (first > 0 && events[first - 1].verb == "undone" && events[first - 1].install == event.install)
      --first;
    const std::string& reason = event.detail["reason"].as_string();
    std::string wrong = starts_with(reason, "is worse: ") ? wrong_with_comparison(view, event)
                        : starts_with(reason, "failed on ")
                            ? wrong_with_conviction(view, InForce::before(events, first), event)
                            : "for nothing";
    if (!wrong.empty()) view.broken(event.name + " was undone (" + reason + "): " + wrong);
  }
  for (const auto& [suspect, install] : view.witness.suspects) {
    const auto run = view.stored.runs.find(suspect);
    if (run == view.stored.runs.end() || !is_failure(run->second)) continue;  // it never came to that
    const int64_t judge = next_run(view.stored, suspect);
    if (judge == 0 || view.stored.runs.at(judge).status != "committed") continue;
    if (view.witness.runs.at(judge).life != view.witness.runs.at(suspect).life) continue;
    if (!is_over(events, install))
      view.broken("run " + std::to_string(judge) + " handled what run " + std::to_string(suspect) +
                  " failed on, and install " + std::to_string(install) + " was not undone");
  }
}

void suspicions_are_free(const View& view) {
  const auto& stored = view.stored;
  for (const auto& [id, run] : stored.runs) {
    const bool excused =
        (view.witness.excused.count(id) > 0 && is_failure(run)) || run.error == "its version was undone";
    if (!excused) continue;
    const std::string who = "run " + std::to_string(id) + " on " + run.trigger;
    const int64_t next = next_run(stored, id);
    if (run.kind == "task") {
      const auto events = stored.events.find(run.trigger);
      if (events == stored.events.end()) continue;
      for (const auto& event : events->second) {
        if (event.verb == "fail" && event.run == id) view.broken(who + " spent an attempt");
      }
    } else if (next != 0) {
      if (stored.runs.at(next).attempt != run.attempt) view.broken(who + " spent an attempt");
    } else if (const auto message = stored.messages.find(run.trigger); message == stored.messages.end()) {
      view.broken("the message of " + who + " is gone");
    } else if (message->second.attempt != run.attempt - 1) {
      view.broken(who + " spent an attempt, its message has " + std::to_string(message->second.attempt));
    }
  }
}

}  // namespace sim
