// Grants: what an agent may ask the host for. "capability" or "capability:pattern", split at the first colon,
// e.g. "cell.eval", "queue.add:test_*", "mail.send:role:reviewer", "process.run:git *",
// "file.write:report/**". In a pattern `*` is any run of characters without "/" (blanks too), `**` any run at
// all; nothing else is special. The whole subject must match. A path (of file.write, knowledge.read) that is
// absolute or has a ".." segment matches nothing. Asked for in agent.yaml, given in swarm.yaml; allowed is
// what both hold. Nothing by default.
//
// An entry of swarm.yaml may have limits. `rate`: a token bucket per agent instance and entry; each use takes
// a token, and a call may be several uses (every task of queue.add_all, a proposal and the task it sets off).
// Uses count whether or not their run commits; what a run is handed again from its journal is no use. Buckets
// are in memory, full when the host starts. `size`: the largest single call, in bytes of all its arguments as
// encoded for the journal (msgpack). A call passes if any entry that covers it has room, and takes a token
// from one alone: from none if an entry without a rate has room, else from the first that has.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/value.h"
#include "script/limits.h"

namespace clade::script {

// What a grant's pattern is compared with: the path, command line, address or type of a call.
inline constexpr size_t kSubjectBytes = 16384;

// True if a grant covers "capability:subject". For capabilities that have no subject ("queue.read",
// "cell.eval"), the subject is ignored.
bool grant_covers(std::string_view grant, std::string_view capability, std::string_view subject);

// True if `wide` covers whatever `narrow` covers; both are grants.
bool grant_includes(std::string_view wide, std::string_view narrow);

// What one instance of an agent may do, and how full its buckets are.
class Grants {
 public:
  Grants() = default;
  // `role` names the folder of agent.yaml in messages; "" for a role named like the agent.
  Grants(std::string agent, std::vector<std::string> asked, std::vector<GivenGrant> given,
         std::string role = "");

  // Replaces what agent.yaml asks for. Buckets stay as they are: a script that publishes itself anew fills
  // none.
  void ask(std::vector<std::string> asked);
  // Is it both asked for and given, limits aside? Errors: "refused"; says which grant is missing and whether
  // agents/<role>/agent.yaml, swarm.yaml or both lack it, or that the subject is longer than kSubjectBytes.
  Status check(std::string_view capability, std::string_view subject) const;

 private:
  friend class Call;

  struct Given {
    GivenGrant entry;
    std::optional<Bucket> bucket;  // of an entry with a rate
  };
  std::string who_may_not(std::string_view capability, std::string_view subject) const;
  // What to say where a grant fails at a "/" alone; "" if none does.
  std::string hint_at_stars(std::string_view capability, std::string_view subject) const;

  std::string agent_;
  std::string role_;
  std::vector<std::string> asked_;
  std::vector<Given> given_;
};

// One call of a script, for the time it takes to check it: takes the tokens of its uses, and gives them back
// when it goes unless the call was let through (`keep`). Borrows grants and arguments.
class Call {
 public:
  Call(Grants& grants, const Value& args, int64_t now_us);
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  // May the agent do this now? Errors: "refused" as Grants::check, and by limits: names every entry of
  // swarm.yaml that covers it, its limit, and what to do.
  Status check(std::string_view capability, std::string_view subject);
  // From now on `check` looks at no limits: for a call that they let through once already.
  void waive_limits() { waived_ = true; }
  // What was taken stays taken.
  void keep() { kept_ = true; }
  // Did a use take a token?
  bool is_metered() const { return !taken_.empty(); }

 private:
  int64_t bytes();

  Grants& grants_;
  const Value& args_;
  int64_t now_us_;
  std::optional<int64_t> bytes_;  // once somebody asked
  std::vector<Bucket*> taken_;    // one for each token
  bool waived_ = false;
  bool kept_ = false;
};

// Fails with "invalid" if a grant is not of the form above, its capability is unknown (names the nearest), or
// its pattern is missing, not wanted, or such that nothing matches it.
Status check_grant_form(const std::string& grant);

}  // namespace clade::script
