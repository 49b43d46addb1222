#include "run/awaits.h"

#include <utility>

#include "fixture.h"

namespace clade::run {
namespace {

// Two agents that talk: a task for the worker, mail for the other.
int64_t begin_ask(PlayedHost& host) {
  host.add("work_a");
  const int64_t run = host.next_start().invocation.run;
  host.dispatcher->called(run, "0", 1, "ask",
                          Value{{"to", "agent:other"}, {"kind", "question"}, {"body", 6}});
  return run;
}

}  // namespace

TEST_CASE("an ask is answered by the other agent's handler, in its transaction") {
  const Folder folder;
  PlayedHost host(folder);
  const int64_t asking = begin_ask(host);
  const auto asked = host.next_start();
  CHECK(asked.program.agent == "other");
  CHECK(asked.invocation.argument["wants_reply"].as_bool());
  CHECK(asked.invocation.argument["body"].as_integer() == 6);
  host.dispatcher->finished(asked.invocation.run, Value(42), Value());
  CHECK(host.next_answer()->as_integer() == 42);
  CHECK(host.count("SELECT count(*) FROM journal WHERE run = " + std::to_string(asking) +
                   " AND status = 'done'") == 1);
}

TEST_CASE("an ask survives a crash on either side of its answer") {
  const Folder folder;
  int64_t asking = 0;
  const bool answered = GENERATE(false, true);
  {
    PlayedHost host(folder);
    asking = begin_ask(host);
    const auto asked = host.next_start();
    if (answered) {
      host.dispatcher->finished(asked.invocation.run, Value(42), Value());
      host.settle();
    }
  }
  PlayedHost host(folder);
  host.settle();
  for (const auto& start : std::exchange(host.executor.starts, {})) {
    if (start.program.agent == "worker") {
      CHECK(start.invocation.run == asking);
      host.dispatcher->called(asking, "0", 1, "ask",
                              Value{{"to", "agent:other"}, {"kind", "question"}, {"body", 6}});
    } else {
      CHECK_FALSE(answered);  // the question is not delivered twice once it was answered
      host.dispatcher->finished(start.invocation.run, Value(42), Value());
    }
  }
  CHECK(host.next_answer()->as_integer() == 42);
  CHECK(host.count("SELECT count(*) FROM message") == 1);
}

TEST_CASE("a reply that comes before its asker is there again is handed over once it is on disk") {
  const Folder folder;
  int64_t asking = 0;
  {
    PlayedHost host(folder);
    asking = begin_ask(host);
    host.next_start();
  }
  PlayedHost host(folder);
  host.settle();
  int64_t asked = 0;
  for (const auto& start : std::exchange(host.executor.starts, {})) {
    if (start.program.agent == "other") asked = start.invocation.run;
  }
  REQUIRE(asked != 0);
  host.dispatcher->finished(asked, Value(42), Value());
  // The store has been given the reply, and the loop has not heard of its commit.
  host.dispatcher->called(asking, "0", 1, "ask",
                          Value{{"to", "agent:other"}, {"kind", "question"}, {"body", 6}});
  host.dispatcher->rested(asking);
  CHECK(host.executor.answers.empty());
  CHECK(host.next_answer()->as_integer() == 42);
}

TEST_CASE("a circle of asks is refused by naming it") {
  const Folder folder;
  PlayedHost host(folder);
  begin_ask(host);
  const auto asked = host.next_start();
  auto circle = host.call(asked.invocation.run, 1, "ask", {{"to", "agent:worker"}, {"kind", "back"}});
  REQUIRE_FALSE(circle);
  CHECK(circle.error().code == "refused");
  CHECK(circle.error().message.find("other → worker → other") != std::string::npos);
}

TEST_CASE("a circle of asks is refused when it was cut off by a crash, too") {
  const Folder folder;
  {
    PlayedHost host(folder);
    begin_ask(host);
    host.settle();
  }
  PlayedHost host(folder);
  host.settle();
  // The asker's script has not come to its ask again.
  for (const auto& start : std::exchange(host.executor.starts, {})) {
    if (start.program.agent != "other") continue;
    auto circle = host.call(start.invocation.run, 1, "ask", {{"to", "agent:worker"}, {"kind", "back"}});
    REQUIRE_FALSE(circle);
    CHECK(circle.error().message.find("other → worker → other") != std::string::npos);
    return;
  }
  FAIL("the question was not delivered again");
}

TEST_CASE("who waits for an agent by several asks waits until the last is answered") {
  const Folder folder;
  PlayedHost host(folder);
  const int64_t asking = begin_ask(host);
  host.dispatcher->called(asking, "0.2", 1, "ask", Value{{"to", "agent:other"}, {"kind", "question"}});
  const auto first = host.next_start();
  host.dispatcher->finished(first.invocation.run, Value(1), Value());
  const Value back{{"to", "agent:worker"}, {"kind", "back"}};
  const auto second = host.next_start();
  REQUIRE(second.program.agent == "other");
  host.executor.answers.clear();
  CHECK(host.call(second.invocation.run, 1, "ask", back).error().code == "refused");
  host.dispatcher->finished(second.invocation.run, Value(2), Value());
  host.settle();

  // Now nobody waits for it any more: it may ask in its turn.
  store::Batch batch;
  mail::Message message;
  message.sender = "operator";
  message.address = "agent:other";
  message.kind = "note";
  REQUIRE(host.mail.send(std::move(message), batch));
  host.dispatcher->commit(std::move(batch), nullptr);
  const auto third = host.next_start();
  host.executor.answers.clear();
  host.dispatcher->called(third.invocation.run, "0", 1, "ask", back);
  host.dispatcher->finished(asking, Value(), Value());
  const auto asked = host.next_start();
  CHECK(asked.program.agent == "worker");
  host.dispatcher->finished(asked.invocation.run, Value(3), Value());
  CHECK(host.next_answer()->as_integer() == 3);
}

TEST_CASE("thousands of asks may be open at once") {
  const Folder folder;
  PlayedHost host(folder);
  host.add("work_a");
  const int64_t run = host.next_start().invocation.run;
  constexpr int kAsks = 5000;
  for (int strand = 1; strand <= kAsks; ++strand) {
    host.dispatcher->called(run, "0." + std::to_string(strand), 1, "ask",
                            Value{{"to", "agent:other"}, {"kind", "question"}});
  }
  CHECK(host.count("SELECT count(*) FROM message WHERE wants_reply") == kAsks);
  CHECK(host.executor.answers.empty());
  const auto asked = host.next_start();
  host.dispatcher->finished(asked.invocation.run, Value(42), Value());
  CHECK(host.next_answer()->as_integer() == 42);
  // The run ends, and with it all that it waits for.
  const auto next = host.next_start();
  host.dispatcher->failed(run, "played");
  host.dispatcher->finished(next.invocation.run, Value(), Value());
  CHECK(host.count("SELECT count(*) FROM message WHERE state = 'stored'") == 0);
}

TEST_CASE("an ask waits for a bounded time") {
  const Folder folder;
  PlayedHost host(folder);
  host.add("work_a");
  const int64_t run = host.next_start().invocation.run;
  int64_t position = 0;
  for (const Value& timeout :
       {Value(int64_t{-1}), Value(INT64_MAX), Value(kLongestWaitMs + 1), Value(1e300), Value("1")}) {
    const auto answer =
        host.call(run, ++position, "ask", {{"to", "agent:other"}, {"kind", "x"}, {"timeout_ms", timeout}});
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code == "invalid");
  }
  host.dispatcher->called(run, "0", ++position, "ask",
                          Value{{"to", "agent:other"}, {"kind", "x"}, {"timeout_ms", kLongestWaitMs}});
  host.settle();
  CHECK(host.executor.answers.empty());
}

TEST_CASE("an ask that nobody waits for any more is not delivered") {
  const Folder folder;
  PlayedHost host(folder);
  host.add("work_a");
  const int64_t first = host.next_start().invocation.run;
  host.call(first, 1, "mail.send", {{"to", "agent:other"}, {"kind", "keep_busy"}});
  host.dispatcher->finished(first, Value(), Value());
  const int64_t busy = host.next_start().invocation.run;

  host.add("work_b");
  const int64_t asking = host.next_start().invocation.run;
  Value question{{"to", "agent:other"}, {"kind", "question"}};
  SECTION("it took too long") {
    question.set("timeout_ms", 0);
    host.dispatcher->called(asking, "0", 1, "ask", question);
    while (host.executor.answers.empty()) host.settle();
    CHECK(host.next_answer().error().code == "timeout");
  }
  SECTION("the run that asked is over") {
    host.dispatcher->called(asking, "0", 1, "ask", question);
    host.settle();
    host.dispatcher->failed(asking, "played");
  }
  host.dispatcher->finished(busy, Value(), Value());
  CHECK(host.count("SELECT count(*) FROM message WHERE kind = 'question' AND state = 'dead_letter'") == 1);
  CHECK(host.executor.starts.empty());
}

TEST_CASE("mail for an agent that swarm.yaml does not name any more is a dead letter") {
  const Folder folder;
  int64_t asking = 0;
  {
    PlayedHost host(folder);
    asking = begin_ask(host);
    host.settle();
  }
  folder.write("swarm.yaml", "swarm: played\nagents:\n  worker: {grants: ['mail.send:**']}\n");
  PlayedHost host(folder);
  CHECK(host.count("SELECT count(*) FROM message WHERE state = 'dead_letter'") == 1);
  CHECK(host.next_start().invocation.run == asking);
  const auto answer = host.call(asking, 1, "ask", {{"to", "agent:other"}, {"kind", "question"}, {"body", 6}});
  REQUIRE_FALSE(answer);
  CHECK(answer.error().message.find("dead letter") != std::string::npos);
  host.dispatcher->finished(asking, Value(), Value());
  host.settle();
  CHECK(host.dispatcher->idle());
}

TEST_CASE("who asks an agent that takes no mail is told so") {
  const Folder folder;
  PlayedHost host(folder);
  host.dispatcher->set_role("other", Value{{"tasks", Value::Array{}}});
  begin_ask(host);
  const auto answer = host.next_answer();
  REQUIRE_FALSE(answer);
  CHECK(answer.error().message.find("no on_mail") != std::string::npos);
}

TEST_CASE("an agent cannot ask itself, or several") {
  const Folder folder;
  PlayedHost host(folder);
  host.add("work_a");
  const int64_t run = host.next_start().invocation.run;
  auto self = host.call(run, 1, "ask", {{"to", "agent:worker"}, {"kind", "x"}});
  REQUIRE_FALSE(self);
  CHECK(self.error().code == "refused");
  auto nobody = host.call(run, 2, "ask", {{"to", "agent:ghost"}, {"kind", "x"}});
  REQUIRE_FALSE(nobody);
  CHECK(nobody.error().code == "not_found");
}

TEST_CASE("an ask ends with an error when it takes too long") {
  const Folder folder;
  PlayedHost host(folder);
  host.add("work_a");
  const int64_t run = host.next_start().invocation.run;
  host.dispatcher->called(run, "0", 1, "ask", Value{{"to", "agent:other"}, {"kind", "x"}, {"timeout_ms", 0}});
  while (host.executor.answers.empty()) host.settle();
  CHECK(host.next_answer().error().code == "timeout");
}

TEST_CASE("a refused await is answered at once and leaves no trace") {
  const Folder folder;
  PlayedHost host(folder);
  host.add("work_a");
  const int64_t run = host.next_start().invocation.run;
  auto refused = host.call(run, 1, "cell.eval", {{"refuse", true}});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == "refused");
  CHECK(host.call(run, 2, "no.such", Value(Value::Map())).error().code == "invalid");
  CHECK(host.count("SELECT count(*) FROM journal") == 0);
}

TEST_CASE("strands wait side by side and get their own answers") {
  const Folder folder;
  PlayedHost host(folder);
  host.add("work_a");
  const int64_t run = host.next_start().invocation.run;
  host.dispatcher->called(run, "0.1", 1, "cell.eval", Value{{"source", "a"}});
  host.dispatcher->called(run, "0.2", 1, "cell.eval", Value{{"source", "b"}});
  host.settle();
  REQUIRE(host.evaluation.begun.size() == 2);
  auto second = std::move(host.evaluation.pending.rbegin()->second);
  host.evaluation.pending.erase(std::prev(host.evaluation.pending.end()));
  second(Value("b"));
  host.settle();
  REQUIRE(host.executor.answers.size() == 1);
  CHECK(host.executor.answers.front().strand == "0.2");
  host.executor.answers.pop_front();
  host.evaluation.finish(Value("a"));
  host.settle();
  REQUIRE(host.executor.answers.size() == 1);
  CHECK(host.executor.answers.front().strand == "0.1");
}

TEST_CASE("a large result is kept in a blob and handed out again after a kill") {
  const Folder folder;
  const std::string large(64u << 20, 'x');
  int64_t run = 0;
  {
    PlayedHost host(folder);
    host.add("work_a");
    run = host.next_start().invocation.run;
    host.dispatcher->called(run, "0", 1, "cell.eval", Value{{"source", "a"}});
    host.settle();
    host.evaluation.finish(Value{{"ok", true}, {"value", large}});
    const auto answer = host.next_answer();
    REQUIRE(answer);
    CHECK(host.count("SELECT count(*) FROM journal WHERE result = x'' AND length(result_blob) = 64") == 1);
  }
  PlayedHost host(folder);
  CHECK(host.next_start().invocation.run == run);
  const auto again = host.call(run, 1, "cell.eval", Value{{"source", "a"}});
  REQUIRE(again);
  CHECK(((*again)["value"].as_string() == large));  // not shown when it fails
  CHECK(host.evaluation.begun.empty());
}

}  // namespace clade::run
