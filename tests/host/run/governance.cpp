#include "run/governance.h"

#include "fixture.h"

namespace clade::run {
namespace {

Proposal proposal_of(std::vector<std::string> voters) {
  Proposal proposal;
  proposal.id = "p";
  proposal.voters = std::move(voters);
  proposal.deadline = 1000;
  return proposal;
}

}  // namespace

TEST_CASE("a vote is decided by quorum and threshold once all voted or time is up") {
  VoteRules rules;  // quorum 3, threshold 60 %
  Proposal proposal = proposal_of({"a", "b", "c", "d", "e"});
  CHECK(tally(proposal, rules, 0).state == Verdict::State::open);
  proposal.votes = {{"a", {"yes", ""}}, {"b", {"yes", ""}}, {"c", {"yes", ""}}, {"d", {"no", ""}}};
  CHECK(tally(proposal, rules, 999).state == Verdict::State::open);
  CHECK(tally(proposal, rules, 1000).state == Verdict::State::accepted);  // 75 %
  proposal.votes["e"] = {"no", ""};
  CHECK(tally(proposal, rules, 0).state == Verdict::State::accepted);  // exactly 60 %
  proposal.votes["c"] = {"no", ""};
  CHECK(tally(proposal, rules, 0).state == Verdict::State::rejected);
  rules.threshold = 0.4;
  CHECK(tally(proposal, rules, 0).state == Verdict::State::accepted);
}

TEST_CASE("a vote without a quorum is rejected, abstentions count for the quorum alone") {
  const VoteRules rules;
  Proposal proposal = proposal_of({"a", "b", "c"});
  proposal.votes = {{"a", {"yes", ""}}, {"b", {"yes", ""}}};
  const Verdict verdict = tally(proposal, rules, 1000);
  CHECK(verdict.state == Verdict::State::rejected);
  CHECK(verdict.reason.find("no quorum of 3") != std::string::npos);
  proposal.votes["c"] = {"abstain", ""};
  CHECK(tally(proposal, rules, 0).state == Verdict::State::accepted);
  proposal.votes = {{"a", {"abstain", ""}}, {"b", {"abstain", ""}}, {"c", {"abstain", ""}}};
  CHECK(tally(proposal, rules, 0).state == Verdict::State::rejected);
}

TEST_CASE("rules have bounds") {
  CHECK(Governance::check_rule("vote.quorum", 3));
  CHECK_FALSE(Governance::check_rule("vote.quorum", 0));
  CHECK_FALSE(Governance::check_rule("vote.quorum", 2.5));
  CHECK(Governance::check_rule("vote.threshold", 1));
  CHECK_FALSE(Governance::check_rule("vote.threshold", 0));
  CHECK_FALSE(Governance::check_rule("vote.threshold", 1.01));
  CHECK(Governance::check_rule("vote.colour", 1).error().code == "not_found");
}

TEST_CASE("an accepted rule proposal sets off the task that may set the rule") {
  const Folder folder;
  {
    PlayedHost host(folder, true);  // such a proposal needs an approval, asked for or not
    host.add("work_a");
    const int64_t run = host.next_start().invocation.run;
    CHECK(host.call(run, 1, "rule.set",
                    {{"name", "vote.threshold"}, {"value", 0.9}}));  // an operator's own task may
    auto id =
        host.call(run, 2, "proposal.open",
                  {{"title", "stricter"},
                   {"kind", "rule"},
                   {"body", Value{{"rule", "vote.threshold"}, {"value", 0.7}}},
                   {"voters", Value::Array{"other"}},
                   {"on_accept", Value{{"type", "implement_rule"},
                                       {"payload", Value{{"rule", "vote.threshold"}, {"value", 0.7}}}}}});
    REQUIRE(id);
    // The handler is started anew without the rule.set: only the proposal is to be committed.
    host.dispatcher->lost(run, false, "played");
    REQUIRE(host.next_start().invocation.run == run);
    id = host.call(run, 1, "proposal.open",
                   {{"title", "stricter"},
                    {"kind", "rule"},
                    {"body", Value{{"rule", "vote.threshold"}, {"value", 0.7}}},
                    {"voters", Value::Array{"other"}},
                    {"on_accept", Value{{"type", "implement_rule"},
                                        {"payload", Value{{"rule", "vote.threshold"}, {"value", 0.7}}}}}});
    REQUIRE(id);
    host.dispatcher->finished(run, Value(), Value());
    const auto voting = host.next_start();
    CHECK(voting.invocation.argument["kind"].as_string() == "vote_request");
    REQUIRE(host.call(voting.invocation.run, 1, "vote.cast", {{"proposal", *id}, {"choice", "yes"}}));
    auto twice = host.call(voting.invocation.run, 2, "vote.cast", {{"proposal", *id}, {"choice", "no"}});
    CHECK(twice.error().code == "conflict");
    host.dispatcher->finished(voting.invocation.run, Value(), Value());
    const auto implementing = host.next_start();
    CHECK(implementing.invocation.argument["id"].as_string() == id->as_string() + ".accept");
    REQUIRE(
        host.call(implementing.invocation.run, 1, "rule.set", {{"name", "vote.threshold"}, {"value", 0.7}}));
    CHECK(host.governance->rules().threshold == Approx(0.6));
    host.dispatcher->finished(implementing.invocation.run, Value(), Value());
    host.settle();
    CHECK(host.governance->rules().threshold == Approx(0.7));
  }
  PlayedHost host(folder);
  CHECK(host.governance->rules().threshold == Approx(0.7));
}

TEST_CASE("a proposal that gives a mandate is about what it sets off") {
  const Folder folder;
  PlayedHost host(folder);
  host.add("work_a");
  const int64_t run = host.next_start().invocation.run;
  const auto refused = host.call(
      run, 1, "proposal.open",
      {{"title", "harmless"},
       {"kind", "code"},
       {"body", Value{{"hash", content_hash("return {}")}}},
       {"voters", Value::Array{"other"}},
       {"on_accept", Value{{"type", "work_b"}, {"payload", Value{{"skill", "x.y"}, {"source", "evil"}}}}}});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == "invalid");
}

TEST_CASE("no agent sets a rule or publishes without a mandate") {
  const Folder folder;
  PlayedHost host(folder);
  host.add("work_a");
  const int64_t run = host.next_start().invocation.run;
  REQUIRE(
      host.call(run, 1, "queue.add",
                {{"type", "work_b"}, {"payload", Value{{"proposal", "r1.9"}, {"proposal_kind", "rule"}}}}));
  host.dispatcher->finished(run, Value(), Value());
  const int64_t second = host.next_start().invocation.run;
  CHECK(host.call(second, 1, "rule.set", {{"name", "vote.quorum"}, {"value", 1}}).error().code == "refused");
  CHECK(host.call(second, 2, "script.publish", {{"name", "agent:other"}, {"source", "return {}"}})
            .error()
            .code == "refused");
}

}  // namespace clade::run
