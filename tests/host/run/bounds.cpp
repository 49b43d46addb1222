// What scripts may make the host hold: mail, proposals, journals.
#include "fixture.h"

namespace clade::run {
namespace {

Value letter(size_t bytes) {
  return {{"to", "agent:other"}, {"kind", "note"}, {"body", std::string(bytes, 'x')}};
}

int64_t begin(PlayedHost& host) {
  host.add("work_a");
  return host.next_start().invocation.run;
}

}  // namespace

TEST_CASE("mail for a full mailbox is refused at the call, and a run that would overfill it at its commit") {
  const Folder folder;
  PlayedHost host(folder);
  SECTION("together") {
    const int64_t run = begin(host);
    for (int64_t n = 1; n <= 3; ++n) CHECK(host.call(run, n, "mail.send", letter(mail::kMostBoxBytes / 4)));
    // What it is about to send itself counts.
    CHECK(host.call(run, 4, "mail.send", letter(mail::kMostBoxBytes / 4)).error().code == "limit");
    store::Batch batch;
    mail::Message filler;
    filler.sender = "operator";
    filler.address = "agent:other";
    filler.kind = "note";
    filler.body = std::string(mail::kMostBoxBytes / 2, 'x');
    REQUIRE(host.mail.send(filler, batch));
    host.dispatcher->finished(run, Value(), Value(Value::Map()));
    CHECK(
        host.count(
            "SELECT count(*) FROM run WHERE status = 'failed' AND error LIKE '%mailbox of other is full%'") ==
        1);
    CHECK(host.count("SELECT count(*) FROM message") == 0);
  }
  SECTION("one after the other") {
    store::Batch batch;
    mail::Message filler;
    filler.sender = "operator";
    filler.address = "agent:worker";
    filler.kind = "note";
    filler.body = std::string(mail::kMostBoxBytes, 'x');
    const int64_t run = begin(host);
    REQUIRE(host.mail.send(filler, batch));
    host.dispatcher->commit(std::move(batch), nullptr);
    const auto refused = host.call(run, 1, "mail.send", {{"to", "agent:worker"}, {"kind", "note"}});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == "limit");
    CHECK(host.call(run, 2, "ask", {{"to", "agent:worker"}, {"kind", "note"}}).error().code == "limit");
    CHECK(host.call(run, 3, "mail.send", {{"to", "agent:other"}, {"kind", "note"}}));
  }
}

TEST_CASE("only so much is open for votes") {
  const Folder folder;
  PlayedHost host(folder);
  const int64_t run = begin(host);
  const auto propose = [&](int64_t position, const Value& body) {
    return host.call(
        run, position, "proposal.open",
        {{"title", "t"}, {"kind", "code_style"}, {"body", body}, {"voters", Value::Array{"other"}}});
  };
  const auto refused = propose(1, std::string(kMostProposalBytes, 'x'));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == "limit");
  for (int64_t n = 0; n < static_cast<int64_t>(kMostProposals); ++n) REQUIRE(propose(2 + n, Value()));
  CHECK(propose(1000, Value()).error().code == "limit");
  host.dispatcher->finished(run, Value(), Value(Value::Map()));
  host.settle();
  CHECK(host.governance->open_count() == kMostProposals);
  CHECK_FALSE(host.governance->check_room(1, 0));
  store::Batch batch;
  CHECK(host.governance->close_decided(INT64_MAX, batch).size() == kMostProposals);
  CHECK(host.governance->check_room(kMostProposals, kMostProposalBytes));
}

TEST_CASE("what a journal holds counts in every execution, once") {
  const Folder folder;
  PlayedHost host(folder);
  const int64_t run = begin(host);
  const Value half(std::string(kMostRunBytes / 2 - 100000, 'x'));
  host.dispatcher->called(run, "0", 1, "cell.eval", Value{{"source", half}});
  host.settle();
  host.evaluation.finish(Value("done"));
  REQUIRE(host.next_answer());
  host.dispatcher->lost(run, false, "played");
  REQUIRE(host.next_start().invocation.run == run);
  // The same again is no more.
  REQUIRE(host.call(run, 1, "cell.eval", {{"source", half}}));
  // With as much on top it is at the end.
  host.dispatcher->called(run, "0", 2, "cell.eval", Value{{"source", half}});
  host.settle();
  REQUIRE(host.evaluation.begun.size() == 2);
  host.dispatcher->called(run, "1", 1, "cell.eval", Value{{"source", std::string(300000, 'x')}});
  CHECK(host.count("SELECT count(*) FROM run WHERE status = 'failed' AND error LIKE '%host''s memory%'") ==
        1);
}

TEST_CASE("a role's patterns are asked anew after they changed") {
  Roles roles;
  roles.set("worker", "combination", Value{{"tasks", Value::Array{"work_*"}}});
  CHECK(roles.takes("worker", "work_a"));
  CHECK_FALSE(roles.takes("worker", "check"));
  roles.set("worker", "combination", Value{{"tasks", Value::Array{"check"}}});
  CHECK_FALSE(roles.takes("worker", "work_a"));
  CHECK(roles.takes("worker", "check"));
}

TEST_CASE("a run that loses its cell again and again while it waits spends an attempt in the end") {
  const Folder folder;
  PlayedHost host(folder);
  const std::string task = host.add("work_a");
  int64_t run = host.next_start().invocation.run;
  for (int64_t loss = 1; loss < kMostLosses; ++loss) {
    host.dispatcher->lost(run, false, "killed by SIGKILL");
    REQUIRE(host.next_start().invocation.run == run);
  }
  CHECK(host.count("SELECT count(*) FROM task_event WHERE verb = 'fail'") == 0);
  host.dispatcher->lost(run, false, "killed by SIGKILL");
  CHECK(host.count("SELECT count(*) FROM task_event WHERE verb = 'fail' AND task = '" + task + "'") == 1);
  CHECK(host.count("SELECT count(*) FROM script_event WHERE verb = 'blamed'") == 0);
}

}  // namespace clade::run
