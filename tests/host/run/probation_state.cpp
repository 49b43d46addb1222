// States, parts and mail of agents whose versions are on probation.
#include <string>

#include "probation_fixture.h"
#include "run/probation.h"

namespace clade::run {

TEST_CASE("a state that the version before refuses is not committed") {
  const ThreeRuns folder;
  Trial trial(folder);
  trial.checks = true;
  trial.set_worker({"work_*"});
  trial.save(kChanged);
  const std::string task = trial.host->add("work_a");
  const int64_t run = trial.started(kChanged);
  trial.host->dispatcher->finished(run, Value("done"), Value{{"runs", "many"}});
  trial.host->settle();
  REQUIRE(trial.examined.size() == 1);
  CHECK(trial.examined[0].program.main.source == kBefore);
  CHECK(trial.examined[0].question.state == Value{{"runs", "many"}});
  CHECK(trial.examined[0].question.from_version.empty());
  CHECK(trial.host->state_of(task) == "executing");

  SECTION("but is a failure") {
    trial.examined[0].done(failure("error", "check refuses the state: runs is no number"));
    trial.host->settle();
    CHECK(trial.kinds() == std::vector<Kind>{Kind::suspended});
    CHECK(trial.host->count("SELECT count(*) FROM agent WHERE name = 'worker'") == 0);
    trial.finish(trial.started(kBefore));
    CHECK(trial.kinds() == std::vector<Kind>{Kind::suspended, Kind::undone});
    CHECK(trial.decisions[1].text.find("runs is no number") != std::string::npos);
  }
  SECTION("and one that it takes is") {
    trial.examined[0].done(Value{{"runs", "many"}});
    CHECK(trial.host->state_of(task) == "completed");
    // One that has not changed is not asked about.
    trial.host->add("work_a");
    trial.host->dispatcher->finished(trial.started(kChanged), Value("done"), Value{{"runs", "many"}});
    trial.host->settle();
    CHECK(trial.examined.size() == 1);
  }
  SECTION("unless its task is cancelled meanwhile") {
    store::Batch batch;
    REQUIRE(trial.host->queue.cancel(task, "operator", "", batch));
    trial.host->dispatcher->commit(std::move(batch), nullptr);
    CHECK(trial.host->state_of(task) == "cancelled");
    CHECK(trial.called_off == 1);
  }
}

TEST_CASE("a version whose state has no way back is not undone: its agents stop, and nothing is lost") {
  const ThreeRuns folder;
  Trial trial(folder);
  trial.schema = 2;
  trial.save(kChanged);
  const bool is_written = GENERATE(true, false);
  if (is_written) {
    trial.host->add("work_a");
    trial.host->dispatcher->finished(trial.started(kChanged), Value("done"), Value{{"form", 2}});
    trial.host->settle();
  }
  const std::string task = trial.host->add("work_a");
  trial.fail(trial.started(kChanged));
  // What nobody has written yet is in nobody's way.
  CHECK(trial.kinds() == (is_written ? std::vector<Kind>() : std::vector<Kind>{Kind::suspended}));
  if (!is_written) return;
  CHECK(trial.decisions.empty());
  CHECK(trial.in_force() == kChanged);
  const auto stopped = trial.host->dispatcher->stopped();
  REQUIRE(stopped.count("worker") == 1);
  CHECK(stopped.at("worker").find("failed on " + task +
                                  " while on probation, and its state has no way back: "
                                  "init.lua:3: boom") != std::string::npos);
  CHECK(trial.host->state_of(task) == "queued");
  CHECK(trial.host->count("SELECT attempt FROM task WHERE id = '" + task + "'") == 0);
  CHECK(trial.host->executor.starts.empty());
  // Somebody mends it.
  trial.save("return { api = 1, mended = true }\n");
  trial.finish(trial.started("return { api = 1, mended = true }\n"));
  CHECK(trial.host->state_of(task) == "completed");
}

TEST_CASE("agents whose state has a form that their version does not know stop, and nothing is lost") {
  const ThreeRuns folder;
  std::string task;
  {
    Trial trial(folder);
    trial.schema = 2;
    trial.save(kChanged);
    trial.host->add("work_a");
    trial.host->dispatcher->finished(trial.started(kChanged), Value("done"), Value{{"form", 2}});
    trial.host->settle();
    task = trial.host->add("work_a");
    trial.host->settle();
    // Killed on probation: the version before is in force.
  }
  Trial trial(folder);
  trial.host->settle();
  CHECK(trial.in_force() == kBefore);
  CHECK(trial.host->executor.starts.empty());
  const auto stopped = trial.host->dispatcher->stopped();
  REQUIRE(stopped.count("worker") == 1);
  CHECK(stopped.at("worker").find("which has schema 2: it knows 1 and has no migrate.back") !=
        std::string::npos);
  CHECK(trial.host->state_of(task) == "queued");
  CHECK(trial.host->count("SELECT attempt FROM task WHERE id = '" + task + "'") == 0);
}

TEST_CASE("a split on probation commits no state that the version before refuses, and no flood") {
  const ThreeRuns folder;
  Trial trial(folder);
  trial.checks = true;
  trial.set_worker({"work_*"});
  for (int n = 0; n < 5; ++n) {
    trial.host->add("work_a");
    trial.finish(trial.started(kBefore));
  }
  trial.save(kChanged);
  const std::string task = trial.host->add("work_a");
  const int64_t run = trial.started(kChanged);
  SECTION("a state") {
    trial.host->dispatcher->called(run, "0", 1, "commit", Value{{"state", Value{{"runs", "many"}}}});
    trial.host->settle();
    REQUIRE(trial.examined.size() == 1);
    trial.examined[0].done(failure("error", "check refuses the state"));
    trial.host->settle();
    CHECK(trial.host->count("SELECT count(*) FROM agent WHERE state LIKE '%many%'") == 0);
  }
  SECTION("a flood") {
    for (int64_t n = 1; n <= 60; ++n)
      REQUIRE(trial.host->call(run, n, "mail.send", {{"to", "agent:other"}, {"kind", "note"}, {"body", n}}));
    trial.host->dispatcher->called(run, "0", 61, "commit", Value{{"state", Value(Value::Map())}});
    trial.host->settle();
    CHECK(trial.host->count("SELECT count(*) FROM message") == 0);
  }
  CHECK(trial.kinds() == std::vector<Kind>{Kind::suspended});
}

TEST_CASE(
    "a part whose cell died while the version before was asked is committed by its next execution alone") {
  const ThreeRuns folder;
  Trial trial(folder);
  trial.checks = true;
  trial.set_worker({"work_*"});
  trial.save(kChanged);
  trial.host->add("work_a");
  const int64_t run = trial.started(kChanged);
  const Value state{{"state", Value{{"runs", 1}}}};
  REQUIRE(trial.host->call(run, 1, "queue.add", {{"type", "work_b"}}));
  trial.host->dispatcher->called(run, "0", 2, "commit", state);
  trial.host->settle();
  REQUIRE(trial.examined.size() == 1);
  trial.host->dispatcher->lost(run, false, "played");
  CHECK(trial.called_off == 1);
  REQUIRE(trial.started(kChanged) == run);
  CHECK(trial.host->count("SELECT count(*) FROM journal WHERE op = 'commit'") == 0);
  REQUIRE(trial.host->call(run, 1, "queue.add", {{"type", "work_b"}}));
  trial.host->dispatcher->called(run, "0", 2, "commit", state);
  trial.host->settle();
  REQUIRE(trial.examined.size() == 2);
  trial.examined[1].done(Value{{"runs", 1}});
  trial.host->settle();
  CHECK(trial.host->count("SELECT count(*) FROM task WHERE type = 'work_b'") == 1);
}

TEST_CASE("the time of a version whose agents are stopped does not confirm it, and wakes nobody") {
  const ThreeRuns folder;
  Trial trial(folder);
  trial.save(kChanged);
  Probation probation(*trial.host->kernel);
  Run run(1000, trial.host->blobs);
  run.role = "worker";
  run.install = trial.host->library.install_of("worker");
  run.combination = current_combination(trial.host->library, "worker");
  store::Batch batch;
  REQUIRE_FALSE(probation.committed(run, batch));
  REQUIRE(probation.next_due());
  const int64_t due = *probation.next_due();
  bool held = true;
  const auto look = [&] {
    return probation
        .look(
            due, [&](const Decision&) { return held; }, batch)
        .size();
  };
  CHECK(look() == 0);
  CHECK_FALSE(probation.next_due());
  CHECK(trial.host->library.installs().size() == 1);
  held = false;
  CHECK(look() == 1);
  CHECK(trial.host->library.installs().empty());
}

TEST_CASE("mail that the version before does not take waits until there is a verdict") {
  const ThreeRuns folder;
  Trial trial(folder);
  trial.host->dispatcher->set_role("worker", Value{{"tasks", Value::Array{"work_*"}}});
  trial.save(kChanged);
  trial.host->add("work_a");
  const int64_t suspect = trial.started(kChanged);
  store::Batch batch;
  mail::Message message;
  message.sender = "operator";
  message.address = "agent:worker";
  message.kind = "hello";
  REQUIRE(trial.host->mail.send(std::move(message), batch));
  trial.host->dispatcher->commit(std::move(batch), nullptr);
  trial.host->settle();
  trial.fail(suspect);
  trial.fail(trial.started(kBefore), "bad payload");
  CHECK(trial.kinds() == std::vector<Kind>{Kind::suspended, Kind::resumed});
  CHECK(trial.host->count("SELECT count(*) FROM message WHERE state = 'dead_letter'") == 0);
  CHECK(trial.host->next_start().invocation.handler == "on_mail");
}

TEST_CASE("a role that has left swarm.yaml while it was on probation is decided about when it is back") {
  const ThreeRuns folder;
  {
    Trial trial(folder);
    trial.save(kChanged);
    store::Batch batch;
    trial.host->library.pause(batch);
    trial.host->dispatcher->commit(std::move(batch), nullptr);
    trial.host->settle();
  }
  const std::string swarm = *read_file(folder.path + "/swarm.yaml");
  folder.write("swarm.yaml", "swarm: played\nagents:\n  other: {grants: []}\n");
  {
    PlayedHost host(folder);
    CHECK(host.dispatcher->on_probation().as_array().empty());
  }
  folder.write("swarm.yaml", swarm);
  Trial trial(folder);
  CHECK(trial.host->dispatcher->on_probation().as_array().size() == 1);
  CHECK(trial.in_force() == kChanged);
}

}  // namespace clade::run
