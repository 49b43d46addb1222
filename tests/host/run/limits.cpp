// Limits of grants within a run: what counts as a use, and what a run gets again from its journal.
#include <utility>

#include "fixture.h"

namespace clade::run {
namespace {

constexpr int64_t kMinuteUs = 60000000;

// A swarm whose worker has `grants` (as in swarm.yaml, with a dash each) and nothing else.
struct LimitedFolder : Folder {
  explicit LimitedFolder(const std::string& grants) {
    write("swarm.yaml", "swarm: played\nagents:\n  worker:\n    grants:\n" + grants + "  other: {}\n");
  }
};

int64_t begin(PlayedHost& host) {
  host.add("work_a");
  return host.next_start().invocation.run;
}

Value mail() {
  return {{"to", "agent:other"}, {"kind", "note"}};
}

void refuse(const Result<Value>& answer, const std::string& part) {
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code == "refused");
  INFO(answer.error().message);
  CHECK(answer.error().message.find(part) != std::string::npos);
}

constexpr const char* kMailOnce = "      - {grant: 'mail.send:**', rate: 1/min}\n      - cell.eval\n";

}  // namespace

TEST_CASE("a rate bounds mail, by the clock of the host") {
  const LimitedFolder folder(kMailOnce);
  PlayedHost host(folder);
  const int64_t run = begin(host);
  CHECK(host.call(run, 1, "mail.send", mail()));
  refuse(host.call(run, 2, "mail.send", mail()), "rate 1/min, and these are used up; next in 60 s");
  host.clock.steady += kMinuteUs - 1;
  refuse(host.call(run, 3, "mail.send", mail()), "next in 1 ms");
  host.clock.steady += 1;
  CHECK(host.call(run, 4, "mail.send", mail()));
  // An ask is mail as well.
  refuse(host.call(run, 5, "ask", mail()), "next in 60 s");
  host.clock.steady += kMinuteUs;
  host.dispatcher->called(run, "0", 6, "ask", mail());
  refuse(host.call(run, 7, "mail.send", mail()), "next in 60 s");
}

TEST_CASE("a bucket is an instance's own, and outlives its runs and its role's versions") {
  const Folder folder;
  folder.write("swarm.yaml",
               "swarm: played\nagents:\n"
               "  worker: {instances: 2, grants: [{grant: 'mail.send:**', rate: 1/day}]}\n"
               "  other: {}\n");
  PlayedHost host(folder);
  host.add("work_a");
  host.add("work_b");
  const int64_t first = host.next_start().invocation.run;
  const int64_t second = host.next_start().invocation.run;
  CHECK(host.call(first, 1, "mail.send", mail()));
  CHECK(host.call(second, 1, "mail.send", mail()));
  host.dispatcher->set_role("worker", Value{{"tasks", Value::Array{"work_*"}}});
  CHECK_FALSE(host.call(first, 2, "mail.send", mail()));
  host.dispatcher->finished(first, Value(), Value());
  const int64_t third = begin(host);
  CHECK_FALSE(host.call(third, 1, "mail.send", mail()));
}

TEST_CASE("a call that fails for another reason costs nothing") {
  const LimitedFolder folder("      - {grant: 'queue.add:*', rate: 2/day}\n");
  PlayedHost host(folder);
  const int64_t run = begin(host);
  CHECK(host.call(run, 1, "queue.add", {{"type", "nobody_does_this"}}).error().code == "unknown_type");
  const Value twice{{"tasks", Value::Array{Value{{"type", "work_b"}}, Value{{"type", "nobody_does_this"}}}}};
  CHECK(host.call(run, 2, "queue.add_all", twice).error().code == "unknown_type");
  CHECK(host.call(run, 3, "queue.add", {{"type", "work_b"}}));
  CHECK(host.call(run, 4, "queue.add", {{"type", "work_b"}}));
  CHECK_FALSE(host.call(run, 5, "queue.add", {{"type", "work_b"}}));
}

TEST_CASE("every task of a list is a use") {
  const LimitedFolder folder("      - {grant: 'queue.add:*', rate: 2/day}\n");
  PlayedHost host(folder);
  const int64_t run = begin(host);
  const Value task{{"type", "work_b"}};
  refuse(host.call(run, 1, "queue.add_all", {{"tasks", Value::Array{task, task, task}}}),
         "this call alone needs more: split it");
  CHECK(host.call(run, 2, "queue.add_all", {{"tasks", Value::Array{task, task}}}));
  CHECK_FALSE(host.call(run, 3, "queue.add", task));
}

TEST_CASE("a size bounds a single call, content included") {
  const LimitedFolder folder("      - {grant: 'file.write:report/**', size: 1 KB}\n");
  PlayedHost host(folder);
  const int64_t run = begin(host);
  CHECK(host.call(run, 1, "file.write", {{"path", "report/x"}, {"text", std::string(900, 'x')}}));
  refuse(host.call(run, 2, "file.write", {{"path", "report/x"}, {"text", std::string(1024, 'x')}}),
         "has size 1 KB, and this call takes");
}

TEST_CASE("reads are limited too, listing what may be read is none") {
  const LimitedFolder folder("      - {grant: 'skill.read:*', rate: 1/day}\n");
  folder.write("skills/a/b/skill.yaml", "id: a.b\n");
  folder.write("skills/a/b/init.lua", "return {}\n");
  folder.write("agents/worker/agent.yaml", "grants: ['skill.read:*']\n");
  PlayedHost host(folder);
  const int64_t run = begin(host);
  for (int64_t position = 1; position <= 3; ++position) {
    auto listed = host.call(run, position, "skill.list", Value(Value::Map()));
    REQUIRE(listed);
    CHECK(listed->as_array().size() == 1);
  }
  CHECK(host.call(run, 4, "skill.read", {{"id", "a.b"}}));
  refuse(host.call(run, 5, "skill.read", {{"id", "a.b"}}), "has rate 1/day");
}

TEST_CASE("a replay takes no token and refuses what was refused") {
  const LimitedFolder folder(kMailOnce);
  int64_t run = 0;
  {
    PlayedHost host(folder);
    run = begin(host);
    CHECK(host.call(run, 1, "mail.send", mail()));
    CHECK_FALSE(host.call(run, 2, "mail.send", mail()));
    host.dispatcher->called(run, "0", 3, "cell.eval", Value{{"source", "x"}});
    host.settle();
    host.evaluation.finish(Value("once"));
    host.settle();
  }
  PlayedHost host(folder);  // with full buckets
  REQUIRE(host.next_start().invocation.run == run);
  CHECK(host.call(run, 1, "mail.send", mail()));
  refuse(host.call(run, 2, "mail.send", mail()), "next in 60 s");
  CHECK(host.call(run, 3, "cell.eval", {{"source", "x"}})->as_string() == "once");
  CHECK(host.call(run, 4, "mail.send", mail()));  // by this host's first token
  CHECK_FALSE(host.call(run, 5, "mail.send", mail()));
  host.dispatcher->finished(run, Value(), Value());
  CHECK(host.count("SELECT count(*) FROM message") == 2);
}

TEST_CASE("a run that lost its cell passes again what it had waited for") {
  const LimitedFolder folder(kMailOnce);
  PlayedHost host(folder);
  const int64_t run = begin(host);
  // Mail, a wait that outlasts the rate, mail: twice as fast when the wait comes from the journal.
  const auto wait = [&](int64_t position) {
    host.dispatcher->called(run, "0", position, "cell.eval", Value{{"source", "x"}});
    host.settle();
    host.evaluation.finish(Value());
    return host.next_answer();
  };
  CHECK(host.call(run, 1, "mail.send", mail()));
  CHECK(wait(2));
  host.clock.steady += kMinuteUs;
  CHECK(host.call(run, 3, "mail.send", mail()));
  CHECK(wait(4));
  host.dispatcher->lost(run, false, "played");
  REQUIRE(host.next_start().invocation.run == run);
  CHECK(host.call(run, 1, "mail.send", mail()));
  CHECK(host.call(run, 2, "cell.eval", {{"source", "x"}}));
  CHECK(host.call(run, 3, "mail.send", mail()));
  CHECK(host.call(run, 4, "cell.eval", {{"source", "x"}}));
  CHECK(host.evaluation.begun.size() == 2);
  CHECK_FALSE(host.call(run, 5, "mail.send", mail()));
  host.dispatcher->finished(run, Value(), Value());
  CHECK(host.count("SELECT count(*) FROM message") == 2);
  CHECK(host.count("SELECT count(*) FROM run WHERE status = 'committed'") == 1);
}

}  // namespace clade::run
