#include "sim/suspicions.h"

#include <algorithm>

namespace sim {

void Suspicions::started(int64_t run, const clade::run::Program& program) {
  const std::string role = program.agent.substr(0, program.agent.find('#'));
  const auto* main = library_.current("agent:" + role);
  const bool is_newest = main && main->source == program.main.source &&
                         std::all_of(program.modules.begin(), program.modules.end(), [&](const auto& module) {
                           const auto* skill = library_.current("skill:" + module.first);
                           return skill && skill->source == module.second.source;
                         });
  installs_[run] = is_newest ? library_.install_of(role) : 0;
}

bool Suspicions::is_suspended(int64_t install) const {
  const auto found = library_.installs().find(install);
  return found != library_.installs().end() && found->second.suspended;
}

void Suspicions::failing(int64_t run) {
  if (is_suspended(installs_[run])) witness_.excused.insert(run);
}

void Suspicions::told(int64_t run) {
  if (!is_suspended(installs_[run])) return;
  const clade::Value installs = dispatcher_.on_probation();
  for (const auto& install : installs.as_array()) {
    if (install["suspect"]["run"].as_integer() != run) continue;
    witness_.excused.insert(run);
    witness_.suspects[run] = install["install"].as_integer();
  }
}

}  // namespace sim
