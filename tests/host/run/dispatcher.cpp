#include "run/dispatcher.h"

#include <future>

#include "fixture.h"

namespace clade::run {

TEST_CASE("a handler's effects happen together when it returns, and not before") {
  const Folder folder;
  PlayedHost host(folder);
  const std::string task = host.add("work_a");
  const auto start = host.next_start();
  CHECK(start.invocation.handler == "on_task");
  CHECK(start.invocation.argument["id"].as_string() == task);
  const int64_t run = start.invocation.run;

  auto added = host.call(run, 1, "queue.add", {{"type", "work_b"}, {"payload", Value{{"n", 1}}}});
  REQUIRE(added);
  CHECK(added->as_string() == "r" + std::to_string(run) + ".1");
  REQUIRE(host.call(run, 2, "mail.send", {{"to", "agent:other"}, {"kind", "note"}, {"body", "hello"}}));
  CHECK(host.count("SELECT count(*) FROM task") == 1);
  CHECK(host.count("SELECT count(*) FROM message") == 0);
  CHECK(host.executor.starts.empty());

  host.dispatcher->finished(run, Value{{"score", 7}}, Value{{"runs", 1}});
  CHECK(host.state_of(task) == "completed");
  CHECK(host.count("SELECT count(*) FROM task") == 2);
  CHECK(host.count("SELECT count(*) FROM message WHERE recipient = 'other'") == 1);
  CHECK(host.count("SELECT count(*) FROM agent WHERE state = '{\"runs\":1}'") == 1);
  CHECK(host.count("SELECT count(*) FROM run WHERE status = 'committed'") == 1);
}

TEST_CASE("a handler that fails leaves nothing but its attempt") {
  const Folder folder;
  PlayedHost host(folder);
  const std::string task = host.add("work_a");
  const int64_t run = host.next_start().invocation.run;
  REQUIRE(host.call(run, 1, "queue.add", {{"type", "work_b"}}));
  host.dispatcher->failed(run, "agents/worker/init.lua@abc:7: boom");
  CHECK(host.state_of(task) == "queued");  // waits for its backoff
  CHECK(host.count("SELECT count(*) FROM task") == 1);
  CHECK(host.count("SELECT count(*) FROM run WHERE status = 'failed' AND error LIKE '%:7: boom'") == 1);
  CHECK(host.count("SELECT count(*) FROM agent") == 0);
}

TEST_CASE("an await is on disk before its effect starts, and its result before the script has it") {
  const Folder folder;
  PlayedHost host(folder);
  host.add("work_a");
  const int64_t run = host.next_start().invocation.run;
  host.dispatcher->called(run, "0", 1, "cell.eval", Value{{"source", "return 1"}});
  CHECK(host.evaluation.begun.empty());  // nothing is committed before the loop turns
  host.settle();
  REQUIRE(host.evaluation.begun.size() == 1);
  CHECK(host.count("SELECT count(*) FROM journal WHERE status = 'started'") == 1);
  CHECK(host.count("SELECT count(*) FROM run WHERE status = 'running'") == 1);
  host.evaluation.finish(Value{{"ok", true}, {"units", 5}, {"cpu_us", 1000}});
  CHECK(host.executor.answers.empty());
  CHECK(host.next_answer()->operator[]("ok").as_bool());
  CHECK(host.count("SELECT count(*) FROM journal WHERE status = 'done'") == 1);
  CHECK(host.count("SELECT sum(units) FROM ledger") == 5);
}

TEST_CASE("an effect waits for the disk, however long that takes") {
  const Folder folder;
  PlayedHost host(folder);
  host.add("work_a");
  const int64_t run = host.next_start().invocation.run;
  std::promise<void> gate;
  store::Batch slow;
  slow.add([open = gate.get_future().share()](store::Database&) {
    open.wait();
    return Status();
  });
  host.writer->commit(std::move(slow), nullptr);
  host.dispatcher->called(run, "0", 1, "cell.eval", Value{{"source", "return 1"}});
  int turns = 0;
  std::function<void()> turn = [&] { ++turns == 20 ? host.loop.stop() : host.loop.post(turn); };
  host.loop.post(turn);
  host.loop.run();
  CHECK(host.evaluation.begun.empty());
  gate.set_value();
  host.settle();
  CHECK(host.evaluation.begun.size() == 1);
}

TEST_CASE("after a crash a finished await is handed out again and not repeated") {
  const Folder folder;
  int64_t run = 0;
  {
    PlayedHost host(folder);
    host.add("work_a");
    run = host.next_start().invocation.run;
    host.dispatcher->called(run, "0", 1, "cell.eval", Value{{"source", "return 1"}});
    host.settle();
    host.evaluation.finish(Value{{"value", 41}});
    REQUIRE(host.next_answer());
    host.dispatcher->called(run, "0", 2, "cell.eval", Value{{"source", "return 2"}});
    host.settle();  // begun, never finished
  }
  PlayedHost host(folder);
  const auto start = host.next_start();
  CHECK(start.invocation.run == run);
  CHECK(host.call(run, 1, "cell.eval", {{"source", "return 1"}})->operator[]("value").as_integer() == 41);
  CHECK(host.evaluation.begun.empty());
  host.dispatcher->called(run, "0", 2, "cell.eval", Value{{"source", "return 2"}});
  host.settle();
  CHECK(host.evaluation.begun.size() == 1);  // idempotent: cut off, so it starts again
  host.evaluation.finish(Value(1));
  REQUIRE(host.next_answer());
  CHECK(host.count("SELECT count(*) FROM journal") == 2);
}

TEST_CASE("an await that was cut off and may not be repeated has an unknown outcome") {
  const Folder folder;
  int64_t run = 0;
  {
    PlayedHost host(folder);
    host.add("work_a");
    run = host.next_start().invocation.run;
    host.dispatcher->called(run, "0", 1, "process.run", Value{{"arguments", Value::Array{"git"}}});
    host.settle();
    REQUIRE(host.process.begun.size() == 1);
  }
  PlayedHost host(folder);
  REQUIRE(host.next_start().invocation.run == run);
  const auto answer = host.call(run, 1, "process.run", {{"arguments", Value::Array{"git"}}});
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code == "outcome_unknown");
  CHECK(host.process.begun.empty());
}

TEST_CASE("a handler that takes another way than before stops as diverged") {
  const Folder folder;
  int64_t run = 0;
  std::string task;
  {
    PlayedHost host(folder);
    task = host.add("work_a");
    run = host.next_start().invocation.run;
    host.dispatcher->called(run, "0", 1, "process.run", Value{{"arguments", Value::Array{"one"}}});
    host.settle();
    host.process.finish(Value(1));
    REQUIRE(host.next_answer());
  }
  PlayedHost host(folder);
  REQUIRE(host.next_start().invocation.run == run);
  host.dispatcher->called(run, "0", 1, "process.run", Value{{"arguments", Value::Array{"two"}}});
  CHECK(host.state_of(task) == "queued");
  CHECK(host.process.begun.empty());
  CHECK(host.count("SELECT count(*) FROM run WHERE status = 'diverged' AND error LIKE '%one%two%'") == 1);
}

TEST_CASE("a run without outside effects writes no journal and starts again") {
  const Folder folder;
  {
    PlayedHost host(folder);
    host.add("work_a");
    const int64_t run = host.next_start().invocation.run;
    REQUIRE(host.call(run, 1, "queue.list", Value(Value::Map())));
  }
  PlayedHost host(folder);
  const auto start = host.next_start();
  CHECK(start.invocation.argument["type"].as_string() == "work_a");
  CHECK(host.count("SELECT count(*) FROM journal") == 0);
  CHECK(host.count("SELECT count(*) FROM task_event WHERE verb = 'release'") == 1);
}

TEST_CASE("a read is journaled with the next await: a second execution sees what the first saw") {
  const Folder folder;
  int64_t run = 0;
  {
    PlayedHost host(folder);
    host.add("work_a");
    run = host.next_start().invocation.run;
    auto list = host.call(run, 1, "queue.list", Value(Value::Map()));
    REQUIRE(list);
    CHECK(list->as_array().size() == 1);
    host.dispatcher->called(run, "0", 2, "cell.eval", Value{{"source", "x"}});
    host.settle();
    host.add("work_b");  // another one by now
  }
  PlayedHost host(folder);
  REQUIRE(host.next_start().invocation.run == run);
  CHECK(host.call(run, 1, "queue.list", Value(Value::Map()))->as_array().size() == 1);
}

TEST_CASE("a neighbour of a dead cell runs on without a spent attempt or a repeated await") {
  const Folder folder;
  PlayedHost host(folder);
  const std::string task = host.add("work_a");
  const int64_t run = host.next_start().invocation.run;
  host.dispatcher->called(run, "0", 1, "process.run", Value{{"arguments", Value::Array{"make"}}});
  host.settle();
  host.dispatcher->lost(run, false, "a neighbour crashed");
  const auto again = host.next_start();
  CHECK(again.invocation.run == run);
  CHECK(again.invocation.argument["attempt"].as_integer() == 1);
  host.dispatcher->called(run, "0", 1, "process.run", Value{{"arguments", Value::Array{"make"}}});
  host.settle();
  CHECK(host.process.begun.size() == 1);  // the one that is still under way
  host.process.finish(Value{{"code", 0}});
  REQUIRE(host.next_answer());
  host.dispatcher->finished(run, Value(), Value());
  CHECK(host.state_of(task) == "completed");
}

TEST_CASE("whoever took a cell down spends an attempt, and its version is recorded") {
  const Folder folder;
  PlayedHost host(folder);
  const std::string task = host.add("work_a");
  const auto start = host.next_start();
  host.dispatcher->lost(start.invocation.run, true, "killed by SIGSEGV");
  CHECK(host.state_of(task) == "queued");
  CHECK(host.count(
            "SELECT count(*) FROM script_event WHERE verb = 'blamed' AND name = 'agent:worker' AND hash = '" +
            start.program.version + "'") == 1);
}

TEST_CASE("a task cancelled while it runs is fenced: the run changes nothing") {
  const Folder folder;
  PlayedHost host(folder);
  const std::string task = host.add("work_a");
  const int64_t run = host.next_start().invocation.run;
  REQUIRE(host.call(run, 1, "queue.add", {{"type", "work_b"}}));
  store::Batch batch;
  REQUIRE(host.queue.cancel(task, "operator", "changed my mind", batch));
  host.dispatcher->commit(std::move(batch), nullptr);
  host.dispatcher->finished(run, Value("late"), Value{{"runs", 9}});  // before the loop could end the run
  CHECK(host.state_of(task) == "cancelled");
  CHECK(host.count("SELECT count(*) FROM task") == 1);
  CHECK(host.count("SELECT count(*) FROM agent") == 0);
  CHECK(host.count("SELECT count(*) FROM task_event WHERE verb = 'late'") == 1);
}

TEST_CASE("a task cancelled before its run goes on after a crash ends the run") {
  const Folder folder;
  std::string task;
  {
    PlayedHost host(folder);
    task = host.add("work_a");
    host.dispatcher->called(host.next_start().invocation.run, "0", 1, "cell.eval", Value{{"source", "x"}});
    host.settle();
  }
  PlayedHost host(folder);
  store::Batch batch;
  REQUIRE(host.queue.cancel(task, "operator", "not needed", batch));
  host.dispatcher->commit(std::move(batch), nullptr);
  CHECK(host.state_of(task) == "cancelled");
  CHECK(host.executor.starts.empty());
  CHECK(host.count("SELECT count(*) FROM run WHERE status = 'cancelled'") == 1);
  CHECK(host.count("SELECT count(*) FROM run WHERE status = 'running'") == 0);
  host.add("work_b");
  CHECK(host.next_start().invocation.argument["type"].as_string() == "work_b");
}

TEST_CASE("a state that JSON cannot hold or that is too large fails the run") {
  const Folder folder;
  PlayedHost host(folder);
  const std::string task = host.add("work_a");
  const int64_t run = host.next_start().invocation.run;
  SECTION("not UTF-8") {
    host.dispatcher->finished(run, Value(), Value{{"name", "\xff"}});
  }
  SECTION("too large") {
    host.dispatcher->finished(run, Value(), Value{{"name", std::string(70000, 'x')}});
  }
  CHECK(host.state_of(task) == "queued");
  CHECK(host.count("SELECT count(*) FROM agent") == 0);
}

TEST_CASE("a state that is too large names its size, the limit, and where to keep more") {
  const Folder folder;
  PlayedHost host(folder);
  host.add("work_a");
  const int64_t run = host.next_start().invocation.run;
  host.dispatcher->finished(run, Value(), Value{{"name", std::string(70000, 'x')}});
  CHECK(host.count("SELECT count(*) FROM run WHERE error LIKE '%the state takes 70011 "
                   "bytes%65536%clade.data%'") == 1);
}

TEST_CASE("a state that did not change is not written") {
  const Folder folder;
  PlayedHost host(folder);
  store::Batch batch;
  batch.add([](store::Database& database) {
    return database.execute(
        "CREATE TABLE written (state TEXT);"
        "CREATE TRIGGER witness AFTER INSERT ON agent BEGIN INSERT INTO written VALUES (new.state); END");
  });
  host.dispatcher->commit(std::move(batch), nullptr);
  for (const int64_t runs : {1, 1, 2, 2, 1}) {
    host.add("work_a");
    host.dispatcher->finished(host.next_start().invocation.run, Value(),
                              Value{{"runs", runs}, {"list", Value::Array{1, "x"}}});
  }
  CHECK(host.count("SELECT count(*) FROM written") == 3);
  CHECK(host.count("SELECT count(*) FROM agent WHERE state LIKE '%\"runs\":1}'") == 1);
}

TEST_CASE("a task that fails too often is a dead letter, and those who listen get mail") {
  const Folder folder;
  PlayedHost host(folder);
  const std::string task = host.add("work_a");
  const int64_t run = host.next_start().invocation.run;
  REQUIRE(host.call(run, 1, "queue.fail", {{"reason", "no use"}, {"retry", false}}));
  host.dispatcher->finished(run, Value(), Value());
  CHECK(host.state_of(task) == "dead_letter");
  const auto mail = host.next_start();
  CHECK(mail.invocation.handler == "on_mail");
  CHECK(mail.program.agent == "other");
  CHECK(mail.invocation.argument["kind"].as_string() == "task_failed");
  CHECK(mail.invocation.argument["body"]["error"].as_string() == "no use");
}

TEST_CASE("a review holds its task until the verdict") {
  const Folder folder;
  PlayedHost host(folder);
  const std::string task = host.add("work_a");
  const int64_t run = host.next_start().invocation.run;
  auto review = host.call(run, 1, "queue.review", {{"type", "check"}});
  REQUIRE(review);
  host.dispatcher->finished(run, Value("candidate"), Value());
  CHECK(host.state_of(task) == "reviewing");
  const auto check = host.next_start();
  CHECK(check.invocation.argument["payload"]["reviews"].as_string() == task);
  const int64_t reviewing = check.invocation.run;
  SECTION("accepted") {
    REQUIRE(host.call(reviewing, 1, "queue.accept", {{"task", task}}));
    CHECK(host.state_of(task) == "reviewing");
    host.dispatcher->finished(reviewing, Value(), Value());
    CHECK(host.state_of(task) == "completed");
  }
  SECTION("rejected") {
    REQUIRE(host.call(reviewing, 1, "queue.reject", {{"task", task}, {"reason", "too long"}}));
    host.dispatcher->finished(reviewing, Value(), Value());
    CHECK(host.next_start().invocation.argument["error"].as_string() == "too long");
  }
  SECTION("ended without a verdict") {
    host.dispatcher->finished(reviewing, Value(), Value());
    CHECK(host.state_of(task) != "reviewing");
  }
  SECTION("a verdict on another task is refused") {
    auto refused = host.call(reviewing, 1, "queue.accept", {{"task", "t999"}});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == "refused");
  }
}

TEST_CASE("what waited for an approval is approved by the next host that may") {
  const Folder folder;
  {
    PlayedHost host(folder);
    host.add("work_a");
    const int64_t run = host.next_start().invocation.run;
    REQUIRE(host.call(run, 1, "queue.add", {{"type", "work_b"}, {"approval", "really?"}}));
    host.dispatcher->finished(run, Value(), Value());
    host.settle();
    CHECK(host.executor.starts.empty());
  }
  PlayedHost host(folder, true);
  CHECK(host.next_start().invocation.argument["type"].as_string() == "work_b");
}

TEST_CASE("a refused call is refused again in a second execution") {
  const Folder folder;
  int64_t run = 0;
  {
    PlayedHost host(folder);
    host.add("work_a");
    run = host.next_start().invocation.run;
    REQUIRE_FALSE(host.call(run, 1, "queue.add", {{"type", "later"}}));
    host.dispatcher->called(run, "0", 2, "cell.eval", Value{{"source", "x"}});
    host.settle();
  }
  PlayedHost host(folder);
  host.dispatcher->set_role("other",
                            Value{{"tasks", Value::Array{"later"}}, {"has", Value{{"on_mail", true}}}});
  REQUIRE(host.next_start().invocation.run == run);
  CHECK_FALSE(host.call(run, 1, "queue.add", {{"type", "later"}}));
}

TEST_CASE("an agent that always has mail still comes to its tasks") {
  const Folder folder;
  PlayedHost host(folder);
  for (int n = 0; n < 3; ++n) {
    store::Batch batch;
    mail::Message message;
    message.sender = "operator";
    message.address = "agent:worker";
    message.kind = "note";
    REQUIRE(host.mail.send(message, batch));
    host.dispatcher->commit(std::move(batch), nullptr);
  }
  host.add("work_a");
  const auto first = host.next_start();
  host.dispatcher->finished(first.invocation.run, Value(), Value());
  const auto second = host.next_start();
  CHECK(first.invocation.handler != second.invocation.handler);
}

TEST_CASE("a task that no role handles any more does not keep the swarm busy") {
  const Folder folder;
  PlayedHost host(folder);
  host.dispatcher->stop();
  const std::string task = host.add("work_a");
  host.settle();
  CHECK_FALSE(host.dispatcher->idle());
  host.dispatcher->set_role("worker", Value{{"tasks", Value::Array{"other_*"}}});
  CHECK(host.dispatcher->idle());
  CHECK(host.state_of(task) == "queued");
}

TEST_CASE("a run cannot fill the host's memory with an outbox of small values") {
  const Folder folder;
  PlayedHost host(folder);
  host.add("work_a");
  const int64_t run = host.next_start().invocation.run;
  // A byte each on the wire.
  const Value payload(Value::Array(30000, Value(true)));
  for (int64_t n = 1; n <= 100; ++n) {
    host.dispatcher->called(run, "0", n, "queue.add", Value{{"type", "work_b"}, {"payload", payload}});
  }
  CHECK(host.count("SELECT count(*) FROM run WHERE status = 'failed' AND error LIKE '%host''s memory%'") ==
        1);
}

TEST_CASE("a run cannot fill the host's memory with results either") {
  const Folder folder;
  PlayedHost host(folder);
  host.add("work_a");
  const int64_t run = host.next_start().invocation.run;
  const Value result(Value::Array(30000, Value(true)));
  size_t held = 0;
  Result<Value> answer = Value();
  for (int64_t n = 1; n <= 100 && answer; ++n) {
    host.dispatcher->called(run, "0", n, "cell.eval", Value{{"source", "return 1"}});
    host.settle();
    host.evaluation.finish(result);
    answer = host.next_answer();
    if (answer) held += answer->footprint();
  }
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code == "limit");
  CHECK(held <= kMostRunBytes);
}

TEST_CASE("a run that never stops asking is stopped") {
  const Folder folder;
  PlayedHost host(folder);
  const std::string task = host.add("work_a");
  const int64_t run = host.next_start().invocation.run;
  const std::string text(4u << 20, 'x');
  // The calls after the limit are nobody's any more.
  for (int64_t n = 1; n <= 40; ++n) {
    host.dispatcher->called(run, "0", n, "file.write", Value{{"path", "report/x"}, {"text", text}});
  }
  CHECK(host.count("SELECT count(*) FROM run WHERE status = 'failed' AND error LIKE '%host''s memory%'") ==
        1);
  CHECK(host.count("SELECT count(*) FROM task_event WHERE verb = 'fail' AND task = '" + task + "'") == 1);
}

TEST_CASE("a run has so many calls, however small") {
  const Folder folder;
  PlayedHost host(folder);
  host.add("work_a");
  const int64_t run = host.next_start().invocation.run;
  for (int64_t n = 1; n <= 20001; ++n)
    host.dispatcher->called(run, "0", n, "queue.fail", Value{{"reason", "played"}});
  CHECK(host.count(
            "SELECT count(*) FROM run WHERE status = 'failed' AND error LIKE '%20000 calls in one run%'") ==
        1);
}

TEST_CASE("a host that could not read its store writes nothing any more") {
  const Folder folder;
  std::string fatal;
  Dispatcher::Hooks hooks;
  hooks.fatal = [&](const Error& error) { fatal = error.message; };
  PlayedHost host(folder, false, std::move(hooks));
  const std::string before = host.add("work_a");
  host.settle();
  CHECK(fatal.empty());
  // As a damaged disk would: a statement of the loop's connection fails.
  REQUIRE_FALSE(host.reader->prepare("SELECT abs(-9223372036854775808)").step());
  const std::string after = host.add("work_b");
  host.settle();
  CHECK_THAT(fatal, Catch::Contains("integer overflow") && Catch::Contains("must stop"));
  CHECK(host.count("SELECT count(*) FROM task WHERE id = '" + before + "'") == 1);
  CHECK(host.count("SELECT count(*) FROM task WHERE id = '" + after + "'") == 0);
}

TEST_CASE("approvals are given by nobody only when that was asked for") {
  const Folder folder;
  const bool automatic = GENERATE(false, true);
  PlayedHost host(folder, automatic);
  host.add("work_a");
  const int64_t run = host.next_start().invocation.run;
  auto id = host.call(run, 1, "queue.add", {{"type", "work_b"}, {"approval", "really?"}});
  REQUIRE(id);
  host.dispatcher->finished(run, Value(), Value());
  if (automatic) {
    CHECK(host.next_start().invocation.argument["id"].as_string() == id->as_string());
    CHECK(host.count(
              "SELECT count(*) FROM task_event WHERE verb = 'approve' AND agent || detail LIKE '%nobody%'") ==
          1);
  } else {
    CHECK(host.state_of(id->as_string()) == "awaiting_approval");
    CHECK(host.executor.starts.empty());
  }
}

TEST_CASE("a cell that dies while the task of its run is being cancelled leaves nothing") {
  const Folder folder;
  PlayedHost host(folder);
  const std::string task = host.add("work_a");
  const int64_t run = host.next_start().invocation.run;
  store::Batch batch;
  REQUIRE(host.queue.cancel(task, "operator", "", batch));
  host.dispatcher->commit(std::move(batch), nullptr);
  // The host has not come to end the run.
  host.dispatcher->lost(run, false, "its neighbour was killed");
  host.settle();
  CHECK(host.count("SELECT count(*) FROM run WHERE status = 'cancelled'") == 1);
  CHECK(host.dispatcher->in_flight() == 0);
}

}  // namespace clade::run
