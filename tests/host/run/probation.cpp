// Versions on probation at work: what confirms them, what undoes them, and what becomes of the messages
// meanwhile.
#include "run/probation.h"

#include <string>
#include <vector>

#include "fixture.h"
#include "run/program.h"

namespace clade::run {
namespace {

const std::string kBefore = "return { api = 1 }\n";
const std::string kChanged = "return { api = 1, changed = true }\n";

// A host whose worker has just got another version, which is confirmed after three runs.
struct Trial {
  explicit Trial(const Folder& folder) { restart(folder); }
  void restart(const Folder& folder) {
    host.reset();
    Dispatcher::Hooks hooks;
    hooks.examine = [this](Program program, StateQuestion question, std::function<void(Result<Value>)> done) {
      examined.push_back({std::move(program), std::move(question), std::move(done)});
      return [this] { ++called_off; };
    };
    hooks.decided = [this](const Decision& decision) { decisions.push_back(decision); };
    host.emplace(folder, false, std::move(hooks));
  }
  void save(const std::string& text) {
    std::ofstream(host->kernel->folder + "/agents/worker/init.lua") << text;
    store::Batch batch;
    host->library.import(host->library.changed(), "file", batch);
    host->dispatcher->commit(std::move(batch), nullptr);
    set_worker({"work_*", "implement_*", "check"});
    host->settle();
  }
  void set_worker(const std::vector<std::string>& tasks) {
    host->dispatcher->set_role("worker", Value{{"tasks", Value::Array(tasks.begin(), tasks.end())},
                                               {"schema", schema},
                                               {"has", Value{{"on_mail", true}, {"check", checks}}}});
  }
  // The next start: of this source.
  int64_t started(const std::string& source) {
    auto start = host->next_start();
    CHECK(start.program.main.source == source);
    return start.invocation.run;
  }
  void finish(int64_t run) {
    host->dispatcher->finished(run, Value("done"), Value(Value::Map()));
    host->settle();
  }
  void fail(int64_t run, const std::string& error = "init.lua:3: boom") {
    host->dispatcher->failed(run, error);
    host->settle();
  }
  std::vector<Decision::Kind> kinds() const {
    std::vector<Decision::Kind> list;
    for (const auto& decision : decisions) list.push_back(decision.kind);
    return list;
  }
  std::string in_force() const { return host->library.current("agent:worker")->source; }

  struct Examination {
    Program program;
    StateQuestion question;
    std::function<void(Result<Value>)> done;
  };
  std::vector<Examination> examined;
  int called_off = 0;
  bool checks = false;  // the worker's versions
  int64_t schema = 1;   // of those that are saved from now on
  std::vector<Decision> decisions;
  std::optional<PlayedHost> host;
};

struct ThreeRuns : Folder {
  ThreeRuns() { std::ofstream(path + "/swarm.yaml", std::ios::app) << "probation: {runs: 3, seconds: 60}\n"; }
};

using Kind = Decision::Kind;

}  // namespace

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
  trial.fail(trial.started(kChanged));
  store::Batch batch;
  mail::Message message;
  message.sender = "operator";
  message.address = "agent:worker";
  message.kind = "hello";
  REQUIRE(trial.host->mail.send(std::move(message), batch));
  trial.host->dispatcher->commit(std::move(batch), nullptr);
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
