// When a combination of versions is confirmed, loses that, and is quarantined; and what its agents do then.
#include "run/standing.h"

#include "host/run/fixture.h"
#include "run/program.h"
#include "support/manual_clock.h"

namespace clade::run {
namespace {

struct Scene {
  Scene() : standing(clock) {
    run.role = "worker";
    run.version = "v1";
    run.combination = combination_of(run.version, run.pins);
  }
  void work(int64_t times) {
    for (int64_t n = 0; n < times; ++n) standing.worked(run, batch);
  }
  bool confirmed() const { return standing.confirmed(run.combination); }
  bool quarantined() const { return standing.quarantined(run.combination); }

  test::ManualClock clock;
  Standing standing;
  store::Blobs blobs{"nowhere"};
  Run run{1, blobs};
  store::Batch batch;
};

TEST_CASE("a combination is confirmed by so many runs, or by one that lies long enough back") {
  Scene scene;
  scene.work(kConfirmRuns - 1);
  CHECK_FALSE(scene.confirmed());
  SECTION("by number") {
    scene.work(1);
    CHECK(scene.confirmed());
  }
  SECTION("by time, and not without work") {
    scene.clock.now += kConfirmMs;
    CHECK_FALSE(scene.confirmed());
    scene.work(1);
    CHECK(scene.confirmed());
  }
  Run other{2, scene.blobs};
  other.version = "v1";
  other.pins.set("text.slug", "s1");
  other.combination = combination_of(other.version, other.pins);
  CHECK_FALSE(scene.standing.confirmed(other.combination));
}

TEST_CASE("one death costs the confirmation, or what was done for it, and it must be earned again") {
  Scene scene;
  scene.work(GENERATE(as<int64_t>(), kConfirmRuns, kConfirmRuns - 1));
  CHECK_FALSE(scene.standing.died(scene.run, "killed by SIGSEGV", scene.batch));
  CHECK_FALSE(scene.confirmed());
  scene.work(kConfirmRuns - 1);
  CHECK_FALSE(scene.confirmed());
  scene.work(1);
  CHECK(scene.confirmed());
}

TEST_CASE("three deaths within ten minutes quarantine a combination") {
  Scene scene;
  CHECK_FALSE(scene.standing.died(scene.run, "killed", scene.batch));
  CHECK_FALSE(scene.standing.died(scene.run, "killed", scene.batch));
  SECTION("the third in time") {
    scene.clock.now += kDeathsMs - 1;
    CHECK(scene.standing.died(scene.run, "killed", scene.batch));
    CHECK(scene.quarantined());
    CHECK(scene.standing.any_quarantined());
    SECTION("an operator releases it, and its deaths are forgotten") {
      REQUIRE(scene.standing.release("worker", "v1", scene.run.combination, "ann", scene.batch));
      CHECK_FALSE(scene.quarantined());
      CHECK_FALSE(scene.standing.any_quarantined());
      CHECK_FALSE(scene.standing.died(scene.run, "killed", scene.batch));
      CHECK(scene.standing.release("worker", "v1", scene.run.combination, "ann", scene.batch).error().code ==
            "unchanged");
    }
  }
  SECTION("the third too late") {
    scene.clock.now += kDeathsMs;
    CHECK_FALSE(scene.standing.died(scene.run, "killed", scene.batch));
    CHECK_FALSE(scene.quarantined());
  }
}

// Lets the worker's next run take its cell down.
void die(PlayedHost& host) {
  host.dispatcher->lost(host.next_start().invocation.run, true, "killed by SIGSEGV");
}

std::string state_of_worker(const PlayedHost& host) {
  const Value agents = host.dispatcher->agents();
  for (const auto& agent : agents.as_array()) {
    if (agent["name"] == Value("worker")) return agent["state"].as_string();
  }
  return "";
}

TEST_CASE("the agents of a quarantined version stop, also with the next host, and what waits stays") {
  const Folder folder;
  std::vector<std::string> tasks;
  {
    PlayedHost host(folder);
    for (const char* type : {"work_a", "work_b", "work_c", "work_d"}) tasks.push_back(host.add(type));
    for (size_t death = 0; death < kDeaths; ++death) {
      CHECK_FALSE(host.dispatcher->idle());
      die(host);
    }
    host.settle();
    CHECK(host.executor.starts.empty());
    CHECK(state_of_worker(host) == "stopped");
    CHECK(host.state_of(tasks[3]) == "queued");
    host.dispatcher->stop();
  }
  PlayedHost host(folder);
  host.settle();
  CHECK(host.executor.starts.empty());
  CHECK(host.dispatcher->unfinished() == 0);
  SECTION("an operator lets it go on") {
    store::Batch batch;
    CHECK(host.dispatcher->release("nobody", "operator", batch).error().code == "not_found");
    REQUIRE(host.dispatcher->release("worker", "operator", batch));
    host.dispatcher->commit(std::move(batch), nullptr);
    CHECK(host.next_start().program.agent == "worker");
    CHECK(state_of_worker(host) == "busy");
  }
  SECTION("another version goes on") {
    folder.write("agents/worker/init.lua", "return { api = 1, on_task = function() end }\n");
    store::Batch batch;
    const auto changed = host.library.changed();
    REQUIRE(changed.size() == 1);
    host.library.import({changed[0]}, "file", batch);
    host.dispatcher->commit(std::move(batch), nullptr);
    const auto start = host.next_start();
    CHECK(start.program.version == changed[0].hash);
    CHECK_FALSE(start.program.confirmed);
  }
}

TEST_CASE("a run that was left goes on with its version, though its role is stopped at another one") {
  const Folder folder;
  std::string task;
  int64_t left = 0;
  {
    PlayedHost host(folder);
    task = host.add("work_a");
    left = host.next_start().invocation.run;
    host.dispatcher->called(left, "0", 1, "cell.eval", Value{{"source", "return 1"}});
    host.settle();
    store::Batch batch;
    folder.write("agents/worker/init.lua", "return { api = 1, on_task = function() end }\n");
    const auto changed = host.library.changed();
    REQUIRE(changed.size() == 1);
    host.library.import({changed[0]}, "file", batch);
    Standing standing(host.clock);
    Run newer{9, host.blobs};
    newer.role = "worker";
    newer.version = changed[0].hash;
    newer.combination = current_combination(host.library, "worker");
    host.library.confirm(host.library.install_of("worker"), Value(), batch);
    for (size_t death = 0; death < kDeaths; ++death) standing.died(newer, "killed", batch);
    host.dispatcher->commit(std::move(batch), nullptr);
    host.settle();
  }
  PlayedHost host(folder);
  REQUIRE(state_of_worker(host) == "stopped");
  CHECK_FALSE(host.dispatcher->idle());
  CHECK(host.next_start().invocation.run == left);
  host.dispatcher->called(left, "0", 1, "cell.eval", Value{{"source", "return 1"}});
  host.settle();
  host.evaluation.finish(Value(1));
  REQUIRE(host.next_answer());
  host.dispatcher->finished(left, Value("done"), Value(Value::Map()));
  CHECK(host.state_of(task) == "completed");
}

TEST_CASE("a run that a quarantine keeps from going on has spent its attempt") {
  const Folder folder;
  std::string id;
  bool is_task = GENERATE(true, false);
  {
    PlayedHost host(folder);
    store::Batch batch;
    if (is_task) {
      id = host.add("work_a");
    } else {
      mail::Message message;
      message.sender = "operator";
      message.address = "agent:worker";
      message.kind = "hello";
      id = host.mail.send(std::move(message), batch)->front();
      host.dispatcher->commit(std::exchange(batch, {}), nullptr);
    }
    const auto start = host.next_start();
    host.dispatcher->called(start.invocation.run, "0", 1, "process.run", Value(Value::Map()));
    host.settle();
    REQUIRE(host.process.begun.size() == 1);
    Standing standing(host.clock);
    Run other{9, host.blobs};
    other.role = "worker";
    other.version = start.program.version;
    other.combination = current_combination(host.library, "worker");
    for (size_t death = 0; death < kDeaths; ++death) standing.died(other, "killed", batch);
    host.dispatcher->commit(std::move(batch), nullptr);
    host.settle();
  }
  PlayedHost host(folder);
  CHECK(host.count("SELECT count(*) FROM run WHERE status = 'lost' AND error LIKE '%quarantined%'") == 1);
  if (is_task) {
    CHECK(host.count("SELECT count(*) FROM task_event WHERE verb = 'fail'") == 1);
    CHECK(host.queue.find(id)->state == queue::State::queued);
    CHECK(host.queue.find(id)->attempt == 1);
  } else {
    CHECK(host.count("SELECT attempt FROM message") == 1);
  }
}

TEST_CASE("a run's program says whether it is confirmed, also after a restart") {
  const Folder folder;
  {
    PlayedHost host(folder);
    for (int64_t n = 0; n < kConfirmRuns; ++n) {
      host.add("work_a");
      const auto start = host.next_start();
      CHECK_FALSE(start.program.confirmed);
      host.dispatcher->finished(start.invocation.run, Value(), Value());
    }
    host.settle();
    host.dispatcher->stop();
  }
  PlayedHost host(folder);
  host.add("work_a");
  CHECK(host.next_start().program.confirmed);
}

}  // namespace
}  // namespace clade::run
