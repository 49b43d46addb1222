// Versions on probation at work: what confirms them, what undoes them, and what becomes of the messages
// meanwhile.
#include "run/probation.h"

#include <string>
#include <vector>

#include "probation_fixture.h"

namespace clade::run {

TEST_CASE("a version is confirmed by the runs that it has committed") {
  const ThreeRuns folder;
  Trial trial(folder);
  trial.save(kChanged);
  for (int n = 0; n < 3; ++n) {
    CHECK(trial.decisions.empty());
    trial.host->add("work_a");
    trial.finish(trial.started(kChanged));
  }
  REQUIRE(trial.kinds() == std::vector<Kind>{Kind::confirmed});
  CHECK(trial.decisions[0].roles == std::vector<std::string>{"worker"});
  CHECK(trial.host->count("SELECT count(*) FROM script WHERE install <> 0 OR fallback <> ''") == 0);
  CHECK(trial.host->count(
            "SELECT count(*) FROM script_event WHERE verb = 'confirmed' AND name = 'agent:worker' AND "
            "install <> 0 AND json_extract(detail, '$.runs') = 3") == 1);
}

TEST_CASE("a version is confirmed by time, from its first run on") {
  const ThreeRuns folder;
  Trial trial(folder);
  trial.save(kChanged);
  trial.host->clock.ahead += 100000;
  trial.host->dispatcher->wake();
  trial.host->settle();
  CHECK(trial.decisions.empty());
  trial.host->add("work_a");
  trial.finish(trial.started(kChanged));
  CHECK(trial.decisions.empty());
  trial.host->clock.ahead += 60000;
  trial.host->dispatcher->wake();
  trial.host->settle();
  CHECK(trial.kinds() == std::vector<Kind>{Kind::confirmed});
}

TEST_CASE("what a version on probation failed on goes to the version before, which undoes it") {
  const ThreeRuns folder;
  Trial trial(folder);
  trial.save(kChanged);
  const bool is_task = GENERATE(true, false);
  const bool is_killed = GENERATE(true, false);
  CAPTURE(is_task, is_killed);
  std::string id;
  if (is_task) {
    id = trial.host->add("work_a");
  } else {
    mail::Message message;
    message.sender = "operator";
    message.address = "agent:worker";
    message.kind = "hello";
    store::Batch batch;
    id = trial.host->mail.send(std::move(message), batch)->front();
    trial.host->dispatcher->commit(std::move(batch), nullptr);
  }
  const int64_t suspect = trial.started(kChanged);
  if (is_killed) {
    trial.host->dispatcher->lost(suspect, true, "killed by signal 11");
    trial.host->settle();
  } else {
    trial.fail(suspect);
  }
  REQUIRE(trial.kinds() == std::vector<Kind>{Kind::suspended});
  // The same message, and its first attempt still.
  auto again = trial.host->next_start();
  CHECK(again.program.main.source == kBefore);
  CHECK(again.invocation.argument["id"].as_string() == id);
  CHECK(again.invocation.argument["attempt"].as_integer(1) == 1);
  trial.finish(again.invocation.run);
  REQUIRE(trial.kinds() == std::vector<Kind>{Kind::suspended, Kind::undone});
  CHECK(trial.in_force() == kBefore);
  CHECK(trial.decisions[1].text.find(is_killed ? "signal 11" : "boom") != std::string::npos);
  CHECK(trial.host->library.changed().empty());
  CHECK(trial.host->count(
            "SELECT count(*) FROM script_event WHERE verb = 'undone' AND name = 'agent:worker' AND "
            "json_extract(detail, '$.run') = " +
            std::to_string(suspect)) == 1);
  trial.host->add("work_b");
  trial.started(kBefore);
}

TEST_CASE("the verdict and the work of the version before are one transaction") {
  const ThreeRuns folder;
  std::string task;
  {
    Trial trial(folder);
    trial.save(kChanged);
    task = trial.host->add("work_a");
    trial.fail(trial.started(kChanged));
    const int64_t judge = trial.started(kBefore);
    trial.host->dispatcher->finished(judge, Value("done"), Value(Value::Map()));
    // Killed before anything of that is on disk.
  }
  Trial trial(folder);
  trial.host->settle();
  CHECK(trial.host->count("SELECT count(*) FROM script_event WHERE verb = 'undone'") +
            trial.host->count("SELECT count(*) FROM task WHERE state = 'executing'") ==
        1);
  CHECK(trial.in_force() == kBefore);
}

TEST_CASE("a message that the version before fails on as well is not held against a version") {
  const ThreeRuns folder;
  Trial trial(folder);
  trial.save(kChanged);
  const std::string task = trial.host->add("work_a");
  trial.fail(trial.started(kChanged));
  trial.fail(trial.started(kBefore), "init.lua:3: bad payload");
  REQUIRE(trial.kinds() == std::vector<Kind>{Kind::suspended, Kind::resumed});
  CHECK(trial.in_force() == kChanged);
  CHECK(trial.host->count("SELECT attempt FROM task WHERE id = '" + task + "'") == 1);
  // The next attempt is the new version's, and its failure is an ordinary one.
  trial.host->clock.ahead += 100000;
  trial.host->dispatcher->wake();
  trial.fail(trial.started(kChanged));
  CHECK(trial.decisions.size() == 2);
  CHECK(trial.host->count("SELECT attempt FROM task WHERE id = '" + task + "'") == 2);
}

TEST_CASE("a version that fails on what the one before does not take is undone at once") {
  const ThreeRuns folder;
  Trial trial(folder);
  trial.set_worker({"work_*"});
  std::ofstream(folder.path + "/agents/worker/init.lua") << kChanged;
  store::Batch batch;
  trial.host->library.import(trial.host->library.changed(), "file", batch);
  trial.set_worker({"work_*", "more_*"});
  trial.host->dispatcher->commit(std::move(batch), nullptr);
  const std::string task = trial.host->add("more_a");
  trial.fail(trial.started(kChanged));
  CHECK(trial.kinds() == std::vector<Kind>{Kind::suspended, Kind::undone});
  CHECK(trial.in_force() == kBefore);
  // It is an attempt of a task that nobody takes any more, and is not lost.
  CHECK(trial.host->count("SELECT count(*) FROM task WHERE id = '" + task +
                          "' AND state IN ('failed', 'queued')") == 1);
}

TEST_CASE("what an undone version still works on is handed over without an attempt") {
  const ThreeRuns folder;
  Trial trial(folder);
  trial.save(kChanged);
  store::Batch batch;
  mail::Message message;
  message.sender = "operator";
  message.address = "agent:worker";
  message.kind = "hello";
  const std::string id = trial.host->mail.send(std::move(message), batch)->front();
  trial.host->dispatcher->commit(std::move(batch), nullptr);
  const int64_t waiting = trial.started(kChanged);
  const int64_t install = trial.host->library.install_of("worker");
  // Its install is judged by another agent's run of the same version.
  Run suspect(1000, trial.host->blobs);
  suspect.role = "worker";
  suspect.install = install;
  suspect.combination = current_combination(trial.host->library, "worker");
  suspect.trigger_id = "t1000";
  Probation probation(*trial.host->kernel);
  REQUIRE(probation.failed(suspect, "boom"));
  CHECK(probation.hands_over(suspect));
  trial.fail(waiting);
  CHECK(trial.host->count("SELECT attempt FROM message WHERE id = '" + id + "'") == 0);
  CHECK(trial.started(kBefore) != waiting);
}

TEST_CASE("a task that is cancelled leaves its suspect as it was") {
  const ThreeRuns folder;
  Trial trial(folder);
  trial.save(kChanged);
  const std::string task = trial.host->add("work_a");
  trial.fail(trial.started(kChanged));
  trial.started(kBefore);
  store::Batch batch;
  REQUIRE(trial.host->queue.cancel(task, "operator", "", batch));
  trial.host->dispatcher->commit(std::move(batch), nullptr);
  trial.host->settle();
  CHECK(trial.kinds() == std::vector<Kind>{Kind::suspended, Kind::resumed});
  CHECK(trial.in_force() == kChanged);
}

TEST_CASE("a version whose run fails while its task is being cancelled is not held to it") {
  const ThreeRuns folder;
  Trial trial(folder);
  trial.save(kChanged);
  const std::string task = trial.host->add("work_a");
  const int64_t run = trial.started(kChanged);
  store::Batch batch;
  REQUIRE(trial.host->queue.cancel(task, "operator", "", batch));
  trial.host->dispatcher->commit(std::move(batch), nullptr);
  // The host has not come to end the run.
  trial.fail(run);
  CHECK(trial.kinds() == std::vector<Kind>{Kind::suspended, Kind::resumed});
  CHECK(trial.in_force() == kChanged);
}

TEST_CASE("a version that takes far more than the one before is undone") {
  const Folder folder;
  Trial trial(folder);
  const auto work = [&](const std::string& source, Usage usage) {
    trial.host->add("work_a");
    const int64_t run = trial.started(source);
    trial.host->dispatcher->finished(run, Value("done"), Value(Value::Map()), usage);
    trial.host->settle();
  };
  for (int n = 0; n < 5; ++n) work(kBefore, {2000, 1 << 20});
  // A host knows what the one before it has seen.
  if (GENERATE(false, true)) {
    trial.restart(folder);
  }
  trial.save(kChanged);
  for (int n = 0; n < 4; ++n) work(kChanged, {20000, 1 << 20});
  CHECK(trial.decisions.empty());
  work(kChanged, {20000, 1 << 20});
  REQUIRE(trial.kinds() == std::vector<Kind>{Kind::undone});
  CHECK(trial.decisions[0].text.find("20.0 ms of processor time, and 2.0 ms before") != std::string::npos);
  CHECK(trial.in_force() == kBefore);
}

TEST_CASE("a flood of mail does not leave the outbox of a version on probation") {
  const Folder folder;
  Trial trial(folder);
  for (int n = 0; n < 5; ++n) {
    trial.host->add("work_a");
    trial.finish(trial.started(kBefore));
  }
  trial.save(kChanged);
  trial.host->add("work_a");
  const int64_t run = trial.started(kChanged);
  for (int64_t n = 1; n <= 60; ++n)
    REQUIRE(trial.host->call(run, n, "mail.send", {{"to", "agent:other"}, {"kind", "note"}, {"body", n}}));
  trial.finish(run);
  CHECK(trial.kinds() == std::vector<Kind>{Kind::suspended});
  CHECK(trial.host->count("SELECT count(*) FROM message") == 0);
  trial.finish(trial.started(kBefore));
  CHECK(trial.kinds() == std::vector<Kind>{Kind::suspended, Kind::undone});
}

TEST_CASE("a version that was put on top of a suspect begins its own probation") {
  const ThreeRuns folder;
  Trial trial(folder);
  trial.save(kChanged);
  trial.host->add("work_a");
  trial.fail(trial.started(kChanged));
  const int64_t judge = trial.started(kBefore);
  trial.save("return { api = 1, mended = true }\n");
  trial.finish(judge);
  CHECK(trial.kinds() == std::vector<Kind>{Kind::suspended});
  trial.host->add("work_a");
  trial.fail(trial.started("return { api = 1, mended = true }\n"));
  trial.finish(trial.started(kBefore));
  CHECK(trial.kinds() == std::vector<Kind>{Kind::suspended, Kind::suspended, Kind::undone});
}

TEST_CASE("a run of an undone version that a host left is handed over by the next one") {
  const ThreeRuns folder;
  std::string task;
  int64_t left = 0;
  {
    Trial trial(folder);
    trial.save(kChanged);
    task = trial.host->add("work_a");
    left = trial.started(kChanged);
    trial.host->dispatcher->called(left, "0", 1, "cell.eval", Value{{"source", "return 1"}});
    trial.host->settle();
    store::Batch batch;
    trial.host->library.undo(trial.host->library.install_of("worker"), Value{{"reason", "played"}}, batch);
    trial.host->dispatcher->commit(std::move(batch), nullptr);
    trial.host->settle();
  }
  Trial trial(folder);
  CHECK(trial.started(kBefore) != left);
  CHECK(trial.host->count("SELECT attempt FROM task WHERE id = '" + task + "'") == 1);
  CHECK(trial.host->count("SELECT count(*) FROM run WHERE status = 'lost' AND error = 'its version was "
                          "undone, or cut off'") == 1);
}

TEST_CASE("what is on probation can be looked at") {
  const ThreeRuns folder;
  Trial trial(folder);
  CHECK(trial.host->dispatcher->on_probation().as_array().empty());
  trial.save(kChanged);
  trial.host->add("work_a");
  trial.finish(trial.started(kChanged));
  trial.host->add("work_a");
  trial.fail(trial.started(kChanged));
  const Value status = trial.host->dispatcher->on_probation();
  REQUIRE(status.as_array().size() == 1);
  const Value& install = status.as_array()[0];
  CHECK(install["runs"] == Value(1));
  CHECK(install["of"] == Value(3));
  CHECK(install["suspended"] == Value(true));
  CHECK(install["roles"] == Value(Value::Array{"worker"}));
  CHECK(install["suspect"]["error"] == Value("init.lua:3: boom"));
  CHECK(install["scripts"].as_array()[0]["name"] == Value("agent:worker"));
}

}  // namespace clade::run
