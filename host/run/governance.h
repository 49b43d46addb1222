// Proposals, votes and rules: one vote per role, a quorum, a threshold, a deadline. What was accepted becomes
// a task.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/value.h"
#include "store/database.h"
#include "store/writer.h"

namespace clade::run {

// The task that an accepted proposal sets off has the proposal's id and this at the end; its payload's
// `proposal` and `proposal_kind` are set by the host.
inline constexpr const char* kAcceptedSuffix = ".accept";

// The kind of mail by which the host asks for votes. Voters believe what it says, so no agent may send it.
inline constexpr const char* kVoteRequest = "vote_request";

struct Proposal {
  std::string id;
  std::string title;
  std::string kind;  // "code", "rule", …
  Value body;
  Value on_accept;                  // {type, payload, approval?, priority?}; nil: nothing follows
  std::vector<std::string> voters;  // roles
  std::string proposer;             // role
  std::string task;                 // whose run proposed it
  int64_t run = 0;
  int64_t created_at = 0;
  int64_t deadline = 0;
  std::map<std::string, std::pair<std::string, std::string>> votes;  // role → (choice, reason)
  size_t bytes = 0;                                                  // its footprint, while it is open
};

// What a proposal takes in memory, in bytes: each voter is sent it, too.
size_t footprint(const Proposal& proposal);

// What agents may have open for votes at the same time, and what that may take in memory.
inline constexpr size_t kMostProposals = 200;
inline constexpr size_t kMostProposalBytes = 64u << 20;

// The figures a vote is decided by. In force: the rule table, else swarm.yaml.
struct VoteRules {
  int64_t quorum = 3;
  double threshold = 0.6;
  int64_t deadline_ms = 60000;
};

// How a vote stands. Open as long as a voter is missing and the deadline has not passed; then accepted if at
// least `quorum` roles voted (abstentions count for the quorum alone) and yes / (yes + no) ≥ threshold, else
// rejected.
struct Verdict {
  enum class State { open, accepted, rejected } state = State::open;
  std::string reason;  // "5 of 5 voted, 4 yes 1 no: 80 % of 60 % needed"
};
Verdict tally(const Proposal& proposal, const VoteRules& rules, int64_t now);

class Governance {
 public:
  explicit Governance(VoteRules defaults) : rules_(defaults) {}
  // Reads open proposals, their votes and the rules in force.
  Status load(store::Database& database);

  // May an agent send mail of this kind? Errors: "refused".
  static Status check_kind(const std::string& kind);
  // A rule's checks: "vote.quorum" an integer 1…100, "vote.threshold" a number in (0, 1]. Errors: "invalid",
  // "not_found".
  static Status check_rule(const std::string& name, const Value& value);
  void set_rule(const std::string& name, const Value& value, const std::string& by, int64_t now,
                store::Batch& batch);
  // nil for a name that is no rule.
  Value rule(const std::string& name) const;
  const VoteRules& rules() const { return rules_; }

  // May agents open so many more, of so many bytes? Errors: "limit".
  Status check_room(size_t proposals, size_t bytes) const;
  // Opens a proposal for votes until its deadline.
  void open(Proposal proposal, store::Batch& batch);
  // Errors: "not_found" (no open proposal), "refused" (no voter of it), "conflict" (voted already), "invalid"
  // (choice).
  Status check_vote(const std::string& proposal, const std::string& role, const std::string& choice) const;
  void vote(const std::string& proposal, const std::string& role, const std::string& choice,
            const std::string& reason, int64_t now, store::Batch& batch);

  struct Closed {
    Proposal proposal;
    Verdict verdict;
  };
  // Closes every proposal whose vote is decided, and hands it over so that what follows goes into the same
  // batch.
  std::vector<Closed> close_decided(int64_t now, store::Batch& batch);
  const Proposal* find(const std::string& id) const;
  size_t open_count() const { return open_.size(); }
  std::optional<int64_t> next_deadline() const;

 private:
  VoteRules rules_;
  void keep(Proposal proposal);

  std::map<std::string, Proposal> open_;
  size_t open_bytes_ = 0;
};

// A proposal of any state with its votes: {id, title, kind, state, reason, body, task, votes={{voter, choice,
// reason}}}; nil if there is none.
Result<Value> proposal_with_votes(store::Database& database, const std::string& id);

}  // namespace clade::run
