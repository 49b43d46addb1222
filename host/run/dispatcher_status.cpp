// What the dispatcher tells of itself: whether it is idle, what its agents do, what is in their way.
#include "run/dispatcher.h"
#include "run/program.h"

namespace clade::run {

std::map<std::string, std::string> Dispatcher::stopped() const {
  std::map<std::string, std::string> roles;
  if (!standing_.any_quarantined()) return roles;
  for (const auto& role : roles_.names()) {
    const auto* version = kernel_.library.current("agent:" + role);
    const std::string combination = current_combination(kernel_.library, role);
    if (!version || !standing_.quarantined(combination)) continue;
    roles[role] = quarantine_text(role, version->hash, standing_.why(combination));
  }
  return roles;
}

std::map<std::string, AgentState> Dispatcher::states_of(const std::string& role) const {
  std::map<std::string, AgentState> states;
  for (const auto& [name, agent] : roster_.all()) {
    if (agent.role == role && !agent.state.version.empty()) states.emplace(name, agent.state);
  }
  return states;
}

bool Dispatcher::idle() const {
  if (!runs_.empty() || woken_ || busy() || !recovered_.empty()) return false;
  const auto stopped_roles = stopped();
  size_t stopped_mail = 0;
  if (!stopped_roles.empty()) {
    for (const auto& [name, agent] : roster_.all()) {
      if (stopped_roles.count(agent.role) > 0) stopped_mail += kernel_.mail.waiting(name);
    }
  }
  if (kernel_.mail.waiting() > stopped_mail || kernel_.governance.open_count() > 0 ||
      kernel_.writer.pending() > 0)
    return false;
  return unfinished() == 0;
}

size_t Dispatcher::unfinished() const {
  using queue::State;
  const auto stopped_roles = stopped();
  size_t tasks = 0;
  for (const State state : {State::created, State::assigned, State::executing, State::failed})
    tasks += kernel_.queue.count(state);
  for (const auto& [type, count] : kernel_.queue.queued_types()) {
    if (is_taken(type, stopped_roles)) tasks += count;
  }
  return tasks;
}

bool Dispatcher::busy() const {
  return reads_.busy() || files_.busy();
}

bool Dispatcher::is_taken(const std::string& type, const std::map<std::string, std::string>& stopped) const {
  return roles_.handles(type, [&](const std::string& role) { return stopped.count(role) == 0; });
}

std::string Dispatcher::held_up(const queue::Task& task) const {
  const auto stopped_roles = stopped();
  if (task.state != queue::State::queued || stopped_roles.empty() || is_taken(task.type, stopped_roles))
    return "";
  for (const auto& [role, advice] : stopped_roles) {
    if (roles_.takes(role, task.type)) return advice;
  }
  return "";
}

size_t Dispatcher::in_flight() const {
  return runs_.size();
}

Value Dispatcher::agents() const {
  Value::Array list;
  const auto stopped_roles = stopped();
  for (const auto& [name, agent] : roster_.all()) {
    const auto* version = kernel_.library.current("agent:" + agent.role);
    Value entry{{"name", name},
                {"role", agent.role},
                {"state", agent.run ? "busy" : "idle"},
                {"task", agent.run ? agent.run->trigger_id : std::string()},
                {"version", version ? version->hash : std::string()}};
    if (const auto role = stopped_roles.find(agent.role); role != stopped_roles.end())
      entry.set("state", "stopped").set("advice", role->second);
    list.push_back(std::move(entry));
  }
  return Value(std::move(list));
}

}  // namespace clade::run
