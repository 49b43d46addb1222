#include "run/drain.h"

#include <string>

#include "run/program.h"

namespace clade::run {

std::vector<int64_t> Drain::overdue(const std::map<int64_t, std::unique_ptr<Run>>& runs, int64_t now) {
  std::map<std::string, std::string> in_force;  // by role
  std::map<int64_t, int64_t> replaced;
  std::vector<int64_t> overdue;
  for (const auto& [id, run] : runs) {
    std::string& combination = in_force[run->role];
    if (combination.empty()) combination = current_combination(library_, run->role);
    if (run->combination == combination) continue;
    const auto seen = replaced_.find(id);
    const int64_t since = replaced[id] = seen == replaced_.end() ? now : seen->second;
    if (now - since >= library_.swarm().drain_ms) overdue.push_back(id);
  }
  replaced_ = std::move(replaced);
  return overdue;
}

}  // namespace clade::run
