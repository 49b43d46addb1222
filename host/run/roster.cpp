#include "run/roster.h"

#include <utility>

namespace clade::run {

Roster::Roster(const std::vector<script::AgentEntry>& agents) {
  for (const auto& entry : agents) {
    for (int number = 1; number <= entry.instances; ++number) {
      Agent agent;
      agent.name = number == 1 ? entry.name : entry.name + "#" + std::to_string(number);
      agent.role = entry.role;
      agent.grants = script::Grants(agent.name, {}, entry.grants, entry.role);
      free_[agent.role].insert(agent.name);
      std::string name = agent.name;
      agents_.emplace(std::move(name), std::move(agent));
    }
  }
}

Agent* Roster::find(const std::string& name) {
  const auto found = agents_.find(name);
  return found == agents_.end() ? nullptr : &found->second;
}

void Roster::begin(Agent& agent, Run& run) {
  agent.run = &run;
  free_[agent.role].erase(agent.name);
}

void Roster::end(Agent& agent) {
  agent.run = nullptr;
  free_[agent.role].insert(agent.name);
}

}  // namespace clade::run
