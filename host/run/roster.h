// The agents of a swarm, each instance by itself: what they are, and which of them are free. Finding one that
// is free costs the same however many there are. Thread: the loop's.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "run/agent_state.h"
#include "run/run.h"
#include "script/grants.h"
#include "script/manifest.h"

namespace clade::run {

struct Agent {
  std::string name;
  std::string role;
  script::Grants grants;
  AgentState state;
  Run* run = nullptr;     // what it is busy with
  bool had_mail = false;  // its last run was one of mail
};

class Roster {
 public:
  explicit Roster(const std::vector<script::AgentEntry>& agents);

  // Nullptr if there is none of this name.
  Agent* find(const std::string& name);
  bool has(const std::string& name) const { return agents_.count(name) > 0; }
  // All, by name.
  std::map<std::string, Agent>& all() { return agents_; }
  const std::map<std::string, Agent>& all() const { return agents_; }

  // It is busy with this run from now on; and free again.
  void begin(Agent& agent, Run& run);
  void end(Agent& agent);
  // The names of the free ones, by role.
  const std::map<std::string, std::set<std::string>>& free() const { return free_; }

 private:
  std::map<std::string, Agent> agents_;
  std::map<std::string, std::set<std::string>> free_;
};

}  // namespace clade::run
