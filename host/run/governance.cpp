#include "run/governance.h"

#include <cmath>

#include "base/codec.h"
#include "store/audit.h"

namespace clade::run {
namespace {

constexpr const char* kQuorum = "vote.quorum";
constexpr const char* kThreshold = "vote.threshold";
constexpr int64_t kLargestQuorum = 100;

std::string percent(double share) {
  return std::to_string(static_cast<int64_t>(std::lround(share * 100))) + " %";
}

Value to_array(const std::vector<std::string>& texts) {
  Value::Array array(texts.begin(), texts.end());
  return Value(std::move(array));
}

}  // namespace

size_t footprint(const Proposal& proposal) {
  const size_t content = proposal.body.footprint() + proposal.on_accept.footprint() + proposal.title.size();
  return content * (1 + proposal.voters.size());
}

Verdict tally(const Proposal& proposal, const VoteRules& rules, int64_t now) {
  int64_t yes = 0;
  int64_t no = 0;
  for (const auto& [voter, vote] : proposal.votes) {
    yes += vote.first == "yes";
    no += vote.first == "no";
  }
  const auto cast = static_cast<int64_t>(proposal.votes.size());
  const auto voters = static_cast<int64_t>(proposal.voters.size());
  if (cast < voters && now < proposal.deadline) return {};
  const std::string turnout = std::to_string(cast) + " of " + std::to_string(voters) + " voted";
  if (cast < rules.quorum) {
    return {Verdict::State::rejected, turnout + ": no quorum of " + std::to_string(rules.quorum)};
  }
  const double share = yes + no == 0 ? 0 : static_cast<double>(yes) / static_cast<double>(yes + no);
  const std::string count = turnout + ", " + std::to_string(yes) + " yes, " + std::to_string(no) +
                            " no: " + percent(share) + ", " + percent(rules.threshold) + " needed";
  // A share that equals the threshold passes, whatever the last bit of the division.
  const bool passes = share + 1e-9 >= rules.threshold && yes > 0;
  return {passes ? Verdict::State::accepted : Verdict::State::rejected, count};
}

Status Governance::load(store::Database& database) {
  {
    auto query = database.prepare("SELECT name, value FROM rule");
    for (;;) {
      auto row = query.step();
      if (!row) return failure(row.error());
      if (!*row) break;
      auto value = decode_json(query.text(1));
      if (!value)
        return failure("corrupt", "the rule " + query.text(0) + " is damaged: " + value.error().message);
      if (query.text(0) == kQuorum) rules_.quorum = value->as_integer(rules_.quorum);
      if (query.text(0) == kThreshold) rules_.threshold = value->as_real(rules_.threshold);
    }
  }
  {
    auto query = database.prepare(
        "SELECT id, title, kind, body, on_accept, voters, proposer, task, run, created_at, deadline FROM "
        "proposal "
        "WHERE state = 'open'");
    for (;;) {
      auto row = query.step();
      if (!row) return failure(row.error());
      if (!*row) break;
      Proposal proposal;
      proposal.id = query.text(0);
      proposal.title = query.text(1);
      proposal.kind = query.text(2);
      auto body = decode_json(query.text(3));
      auto on_accept = decode_json(query.text(4));
      auto voters = decode_json(query.text(5));
      if (!body || !on_accept || !voters)
        return failure("corrupt", "proposal " + proposal.id + " is damaged");
      proposal.body = std::move(*body);
      proposal.on_accept = std::move(*on_accept);
      for (const auto& voter : voters->as_array()) proposal.voters.push_back(voter.as_string());
      proposal.proposer = query.text(6);
      proposal.task = query.text(7);
      proposal.run = query.integer(8);
      proposal.created_at = query.integer(9);
      proposal.deadline = query.integer(10);
      keep(std::move(proposal));
    }
  }
  auto query = database.prepare(
      "SELECT vote.proposal, voter, choice, vote.reason FROM vote JOIN proposal ON proposal.id = "
      "vote.proposal "
      "WHERE proposal.state = 'open'");
  for (;;) {
    auto row = query.step();
    if (!row) return failure(row.error());
    if (!*row) return {};
    open_.at(query.text(0)).votes[query.text(1)] = {query.text(2), query.text(3)};
  }
}

Status Governance::check_room(size_t proposals, size_t bytes) const {
  if (open_.size() + proposals <= kMostProposals && open_bytes_ + bytes <= kMostProposalBytes) return {};
  return failure("limit", "too much is open for votes: " + std::to_string(open_.size()) +
                              " proposals, which take " + std::to_string(open_bytes_ >> 20) +
                              " MB; agents may open up to " + std::to_string(kMostProposals) + ", or " +
                              std::to_string(kMostProposalBytes >> 20) + " MB: wait until some are decided");
}

void Governance::keep(Proposal proposal) {
  proposal.bytes = footprint(proposal);
  open_bytes_ += proposal.bytes;
  std::string id = proposal.id;
  open_.insert_or_assign(std::move(id), std::move(proposal));
}

Status Governance::check_kind(const std::string& kind) {
  if (kind != kVoteRequest) return {};
  return failure("refused", "mail of the kind vote_request is the host's alone: open a proposal instead");
}

Status Governance::check_rule(const std::string& name, const Value& value) {
  if (name == kQuorum) {
    if (value.is_integer() && value.as_integer() >= 1 && value.as_integer() <= kLargestQuorum) return {};
    return failure("invalid",
                   "the rule vote.quorum is an integer from 1 to " + std::to_string(kLargestQuorum));
  }
  if (name == kThreshold) {
    if (value.is_number() && value.as_real() > 0 && value.as_real() <= 1) return {};
    return failure("invalid", "the rule vote.threshold is a number above 0 and up to 1");
  }
  return failure("not_found", "there is no rule " + name + "; rules are vote.quorum and vote.threshold");
}

void Governance::set_rule(const std::string& name, const Value& value, const std::string& by, int64_t now,
                          store::Batch& batch) {
  if (name == kQuorum) rules_.quorum = value.as_integer();
  if (name == kThreshold) rules_.threshold = value.as_real();
  batch.add([name, text = encode_json(value), by, now](store::Database& database) {
    auto insert =
        database.prepare("INSERT OR REPLACE INTO rule (name, value, set_by, at) VALUES (?, ?, ?, ?)");
    insert.bind(1, name).bind(2, text).bind(3, by).bind(4, now);
    return insert.run();
  });
  // The table keeps the rule in force alone.
  store::record_act({now, by, "rule.set", name, Value{{"value", value}}}, batch);
}

Value Governance::rule(const std::string& name) const {
  if (name == kQuorum) return rules_.quorum;
  if (name == kThreshold) return rules_.threshold;
  return {};
}

void Governance::open(Proposal proposal, store::Batch& batch) {
  batch.add([copy = proposal](store::Database& database) {
    auto insert = database.prepare(
        "INSERT INTO proposal (id, title, kind, body, on_accept, voters, proposer, task, run, state, reason, "
        "created_at, deadline, closed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'open', '', ?, ?, 0)");
    insert.bind(1, copy.id).bind(2, copy.title).bind(3, copy.kind).bind(4, encode_json(copy.body));
    insert.bind(5, encode_json(copy.on_accept)).bind(6, encode_json(to_array(copy.voters)));
    insert.bind(7, copy.proposer).bind(8, copy.task).bind(9, copy.run);
    insert.bind(10, copy.created_at).bind(11, copy.deadline);
    return insert.run();
  });
  keep(std::move(proposal));
}

Status Governance::check_vote(const std::string& proposal, const std::string& role,
                              const std::string& choice) const {
  if (choice != "yes" && choice != "no" && choice != "abstain") {
    return failure("invalid", "a vote is \"yes\", \"no\" or \"abstain\", not \"" + choice + "\"");
  }
  auto found = open_.find(proposal);
  if (found == open_.end()) return failure("not_found", "no open proposal " + proposal);
  bool listed = false;
  for (const auto& voter : found->second.voters) listed = listed || voter == role;
  if (!listed) return failure("refused", role + " is no voter of proposal " + proposal);
  if (found->second.votes.count(role))
    return failure("conflict", role + " has voted on " + proposal + " already");
  return {};
}

void Governance::vote(const std::string& proposal, const std::string& role, const std::string& choice,
                      const std::string& reason, int64_t now, store::Batch& batch) {
  open_.at(proposal).votes[role] = {choice, reason};
  batch.add([proposal, role, choice, reason, now](store::Database& database) {
    auto insert =
        database.prepare("INSERT INTO vote (proposal, voter, choice, reason, at) VALUES (?, ?, ?, ?, ?)");
    insert.bind(1, proposal).bind(2, role).bind(3, choice).bind(4, reason).bind(5, now);
    return insert.run();
  });
  store::note_act("vote", proposal + " " + role, batch);
}

std::vector<Governance::Closed> Governance::close_decided(int64_t now, store::Batch& batch) {
  std::vector<Closed> closed;
  for (auto entry = open_.begin(); entry != open_.end();) {
    Verdict verdict = tally(entry->second, rules_, now);
    if (verdict.state == Verdict::State::open) {
      ++entry;
      continue;
    }
    const std::string state = verdict.state == Verdict::State::accepted ? "accepted" : "rejected";
    batch.add([id = entry->first, state, reason = verdict.reason, now](store::Database& database) {
      auto update = database.prepare("UPDATE proposal SET state = ?, reason = ?, closed_at = ? WHERE id = ?");
      update.bind(1, state).bind(2, reason).bind(3, now).bind(4, id);
      return update.run();
    });
    store::note_act("proposal", entry->first, batch);
    open_bytes_ -= entry->second.bytes;
    closed.push_back({std::move(entry->second), std::move(verdict)});
    entry = open_.erase(entry);
  }
  return closed;
}

const Proposal* Governance::find(const std::string& id) const {
  auto found = open_.find(id);
  return found == open_.end() ? nullptr : &found->second;
}

std::optional<int64_t> Governance::next_deadline() const {
  std::optional<int64_t> next;
  for (const auto& [id, proposal] : open_) {
    if (!next || proposal.deadline < *next) next = proposal.deadline;
  }
  return next;
}

Result<Value> proposal_with_votes(store::Database& database, const std::string& id) {
  Value proposal;
  {
    auto query = database.prepare(
        "SELECT title, kind, state, reason, body, task, created_at, closed_at FROM proposal WHERE id = ?");
    query.bind(1, id);
    auto row = query.step();
    if (!row) return failure(row.error());
    if (!*row) return Value();
    auto body = decode_json(query.text(4));
    if (!body) return failure("corrupt", "proposal " + id + " is damaged: " + body.error().message);
    proposal = Value{{"id", id},
                     {"title", query.text(0)},
                     {"kind", query.text(1)},
                     {"state", query.text(2)},
                     {"reason", query.text(3)},
                     {"body", std::move(*body)},
                     {"task", query.text(5)},
                     {"created_at", query.integer(6)},
                     {"closed_at", query.integer(7)}};
  }
  Value votes = Value::Array();
  auto query =
      database.prepare("SELECT voter, choice, reason FROM vote WHERE proposal = ? ORDER BY at, voter");
  query.bind(1, id);
  for (;;) {
    auto row = query.step();
    if (!row) return failure(row.error());
    if (!*row) break;
    votes.push(Value{{"voter", query.text(0)}, {"choice", query.text(1)}, {"reason", query.text(2)}});
  }
  proposal.set("votes", std::move(votes));
  return proposal;
}

}  // namespace clade::run
