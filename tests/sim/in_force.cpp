#include "sim/in_force.h"

#include <algorithm>

namespace sim {
namespace {

bool is_verdict(const Stored::ScriptEvent& event) {
  return event.install != 0 &&
         (event.verb == "confirmed" || event.verb == "undone" || event.verb == "cut_off");
}

bool is_adoption(const std::string& verb) {
  return verb == "imported" || verb == "published" || verb == "rolled_back";
}

}  // namespace

std::string role_of(const std::string& script) {
  return script.rfind("agent:", 0) == 0 ? script.substr(6) : "worker";
}

bool runs_version(const Stored::Run& run, const std::string& hash) {
  return run.version == hash || run.pins.find(hash) != std::string::npos;
}

InForce::InForce(const std::vector<Stored::ScriptEvent>& events, const std::set<std::string>& forced) {
  int64_t deciding = 0;  // install
  for (const auto& event : events) {
    // What is decided about one script of an install is decided about all, at once.
    const int64_t decided = is_verdict(event) ? event.install : 0;
    if (decided != deciding && !names_of(deciding).empty() && wrong_.empty())
      wrong_ = "install " + std::to_string(deciding) + " goes on with " + names_of(deciding).front();
    deciding = decided;
    take(event, forced);
  }
  if (deciding != 0 && !names_of(deciding).empty() && wrong_.empty())
    wrong_ = "install " + std::to_string(deciding) + " goes on with " + names_of(deciding).front();
}

InForce InForce::before(const std::vector<Stored::ScriptEvent>& events, size_t event) {
  return {{events.begin(), events.begin() + static_cast<std::ptrdiff_t>(event)}, {}};
}

std::vector<std::string> InForce::names_of(int64_t install) const {
  std::vector<std::string> names;
  for (const auto& [name, script] : scripts_) {
    if (install != 0 && script.install == install) names.push_back(name);
  }
  return names;
}

bool InForce::is_before(int64_t install, const Stored::Run& run) const {
  const auto names = names_of(install);
  return std::all_of(names.begin(), names.end(), [&](const std::string& name) {
    return role_of(name) != run.role || runs_version(run, scripts_.at(name).confirmed);
  });
}

void InForce::take(const Stored::ScriptEvent& event, const std::set<std::string>& forced) {
  if (is_adoption(event.verb)) {
    adopt(event, forced);
  } else if (is_verdict(event)) {
    decide(event);
  } else if (event.verb == "refused") {
    scripts_[event.name].rejected.insert(event.hash);
  }
}

void InForce::adopt(const Stored::ScriptEvent& event, const std::set<std::string>& forced) {
  Script& script = scripts_[event.name];
  const bool back = event.verb == "rolled_back";
  const bool accepted =
      back || forced.count(event.by) > 0 ||
      (!script.undone.count(event.hash) && (event.by != "file" || !script.rejected.count(event.hash)));
  if (!accepted && wrong_.empty())
    wrong_ = event.name + " is " + event.verb + " by " + event.by + " at " + event.hash.substr(0, 12) +
             ", which was undone, cut off or refused before";
  script.undone.erase(event.hash);
  script.rejected.erase(event.hash);
  script.newest = event.hash;
  if (back || event.install == 0) script.confirmed = event.hash;
  if (event.install == 0) {
    script.install = 0;
    return;
  }
  // What one agent runs is one install.
  std::set<int64_t> joined;
  for (const auto& [name, other] : scripts_) {
    if (role_of(name) == role_of(event.name)) joined.insert(other.install);
  }
  for (auto& [name, other] : scripts_) {
    if (other.install != 0 && joined.count(other.install) > 0) other.install = event.install;
  }
  script.install = script.confirmed == event.hash ? 0 : event.install;
}

void InForce::decide(const Stored::ScriptEvent& event) {
  Script& script = scripts_[event.name];
  if ((script.newest != event.hash || script.install != event.install) && wrong_.empty())
    wrong_ = event.name + " is " + event.verb + " at " + event.hash.substr(0, 12) +
             ", which is not on probation with install " + std::to_string(event.install);
  script.install = 0;
  if (event.verb == "confirmed") {
    script.confirmed = event.hash;
    return;
  }
  if (event.parent != script.confirmed && wrong_.empty())
    wrong_ = event.name + " goes back to " + event.parent.substr(0, 12) + ", and not to what was confirmed";
  script.newest = script.confirmed;
  script.rejected.insert(event.hash);
  if (event.verb == "undone") script.undone.insert(event.hash);
}

}  // namespace sim
