// Grants: what an agent may ask the host for. "capability" or "capability:pattern", split at the first colon,
// e.g. "cell.eval", "queue.add:test_*", "mail.send:role:reviewer", "process.run:git *",
// "file.write:report/**". In a pattern `*` is any run of characters without "/" (blanks too), `**` any run at
// all; nothing else is special. The whole subject must match. A path (of file.write, knowledge.read) that is
// absolute or has a ".." segment matches nothing. Asked for in agent.yaml, given in swarm.yaml; allowed is
// what both hold. Nothing by default.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace clade::script {

// True if a grant covers "capability:subject". For capabilities that have no subject ("queue.read",
// "cell.eval"), the subject is ignored.
bool grant_covers(std::string_view grant, std::string_view capability, std::string_view subject);

class Grants {
 public:
  Grants() = default;
  // `role` names the folder of agent.yaml in messages; "" for a role named like the agent.
  Grants(std::string agent, std::vector<std::string> asked, std::vector<std::string> given,
         std::string role = "");

  // Errors: "refused"; says which grant is missing and whether agents/<role>/agent.yaml, swarm.yaml or both
  // lack it.
  Status check(std::string_view capability, std::string_view subject) const;

 private:
  std::string agent_;
  std::string role_;
  std::vector<std::string> asked_;
  std::vector<std::string> given_;
};

// Fails with "invalid" if a grant is not of the form above, its capability is unknown (names the nearest), or
// its pattern is missing, not wanted, or such that nothing matches it.
Status check_grant_form(const std::string& grant);

}  // namespace clade::script
