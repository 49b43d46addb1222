// Trials of versions, with checks that the test plays.
#include "run/reload.h"

#include <deque>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "fixture.h"

namespace clade::run {
namespace {

struct PlayedChecks {
  struct Check {
    Program program;
    std::string agent;
    std::function<void(Result<Value>)> done;
  };
  Reload::Checks checks() {
    return {[this](Program program, const std::string& agent, std::function<void(Result<Value>)> done) {
              begun.push_back({std::move(program), agent, std::move(done)});
              return begun.size();
            },
            [this](uint64_t check) { cancelled.push_back(check); },
            [this](Program program, StateQuestion question, std::function<void(Result<Value>)> done) {
              examined.push_back({std::move(program), std::move(question), std::move(done)});
              return [this] { ++called_off; };
            },
            [this](const std::string& role, Program program, std::function<void(ShadowReport)> done) {
              compared.push_back({role, std::move(program), std::move(done)});
            }};
  }
  std::deque<Check> begun;  // handles count from 1
  std::vector<uint64_t> cancelled;
  struct Examination {
    Program program;
    StateQuestion question;
    std::function<void(Result<Value>)> done;
  };
  std::deque<Examination> examined;
  int called_off = 0;
  struct Comparison {
    std::string role;
    Program program;
    std::function<void(ShadowReport)> done;
  };
  std::deque<Comparison> compared;
};

// A worker that uses a skill: a version of the skill is checked twice.
struct SkilledFolder : Folder {
  SkilledFolder() {
    write("agents/worker/agent.yaml", "summary: played by the test\nskills: [text.slug]\n");
    write("skills/text/slug/skill.yaml", "id: text.slug\nsummary: a slug\n");
    write("skills/text/slug/init.lua", "return {}\n");
  }
};

}  // namespace

TEST_CASE("a trial that is called off ends the check that is under way") {
  const SkilledFolder folder;
  PlayedHost host(folder);
  PlayedChecks checks;
  Reload reload(*host.kernel, *host.dispatcher, checks.checks(), [](const auto&, const auto&) {});
  std::vector<std::string> ends;
  const auto note = [&](const Status& status) { ends.push_back(status ? "loads" : status.error().code); };
  const script::Version candidate = *host.library.current("skill:text.slug");
  REQUIRE(host.library.changed().empty());  // reads the manifests, as every host does before its agents work

  reload.try_version(candidate, "worker", note);
  REQUIRE(checks.begun.size() == 1);
  CHECK(checks.begun[0].agent == "worker");
  checks.begun[0].done(Value(Value::Map()));
  REQUIRE(checks.begun.size() == 2);
  checks.begun[1].done(Value(Value::Map()));
  CHECK(ends == std::vector<std::string>{"loads"});

  const auto call_off = reload.try_version(candidate, "worker", note);
  checks.begun[2].done(Value(Value::Map()));
  REQUIRE(checks.begun.size() == 4);
  call_off();
  CHECK(checks.cancelled == std::vector<uint64_t>{4});
  CHECK(ends.size() == 1);
}

TEST_CASE("a saved file is tried for the host, not for an agent") {
  const SkilledFolder folder;
  PlayedHost host(folder);
  PlayedChecks checks;
  Reload reload(*host.kernel, *host.dispatcher, checks.checks(), [](const auto&, const auto&) {});
  folder.write("skills/text/slug/init.lua", "return { saved = true }\n");
  reload.look();
  REQUIRE(checks.begun.size() == 1);
  CHECK(checks.begun[0].agent.empty());
}

TEST_CASE("a role and a skill that it calls are tried and become current together") {
  const SkilledFolder folder;
  PlayedHost host(folder);
  PlayedChecks checks;
  std::vector<std::string> said;
  Reload reload(*host.kernel, *host.dispatcher, checks.checks(),
                [&](const auto& name, const auto& text) { said.push_back(name + " " + text); });
  const std::string skill = "return { saved = true }\n";
  const std::string role = "return { api = 1, saved = true }\n";
  folder.write("skills/text/slug/init.lua", skill);
  folder.write("agents/worker/init.lua", role);
  reload.look();
  // The skill by itself, then the role with it: each made of what was saved.
  REQUIRE(checks.begun.size() == 1);
  CHECK(checks.begun[0].program.modules.at("text.slug").source == skill);
  checks.begun[0].done(Value(Value::Map()));
  REQUIRE(checks.begun.size() == 2);
  CHECK(checks.begun[1].program.main.source == role);
  CHECK(checks.begun[1].program.modules.at("text.slug").source == skill);

  SECTION("both") {
    checks.begun[1].done(Value{{"tasks", Value::Array{"work_*"}}});
    CHECK(host.library.current("skill:text.slug")->source == skill);
    CHECK(host.library.current("agent:worker")->source == role);
    CHECK(host.library.installs().size() == 1);
    host.settle();
    CHECK(said.size() == 2);
  }
  SECTION("each by itself, if they do not suit each other") {
    checks.begun[1].done(failure("error", "it does not load"));
    REQUIRE(checks.begun.size() == 3);
    checks.begun[2].done(Value(Value::Map()));
    REQUIRE(checks.begun.size() == 4);
    CHECK(checks.begun[3].program.main.source == "return { api = 1 }\n");
    checks.begun[3].done(Value{{"tasks", Value::Array{"work_*"}}});
    host.settle();
    REQUIRE(checks.begun.size() == 5);
    CHECK(checks.begun[4].program.main.source == role);
    checks.begun[4].done(failure("error", "it does not load"));
    host.settle();
    CHECK(host.library.current("skill:text.slug")->source == skill);
    CHECK(host.library.current("agent:worker")->source == "return { api = 1 }\n");
    CHECK(host.count("SELECT count(*) FROM script_event WHERE verb = 'refused' AND name = 'agent:worker'") ==
          1);
  }
}

TEST_CASE("a saved file waits for somebody to install it where swarm.yaml says so") {
  SkilledFolder folder;
  std::ofstream(folder.path + "/swarm.yaml", std::ios::app) << "reload: {agents: ask, skills: off}\n";
  PlayedHost host(folder);
  PlayedChecks checks;
  std::vector<std::string> said;
  Reload reload(*host.kernel, *host.dispatcher, checks.checks(),
                [&](const auto& name, const auto& text) { said.push_back(name + " " + text); });
  const std::string role = "return { api = 1, saved = true }\n";
  folder.write("skills/text/slug/init.lua", "return { saved = true }\n");
  folder.write("agents/worker/init.lua", role);
  reload.look();
  REQUIRE(checks.begun.size() == 1);  // of the role alone
  checks.begun[0].done(Value{{"tasks", Value::Array{"work_*"}}});
  CHECK(host.library.current("agent:worker")->source == "return { api = 1 }\n");
  REQUIRE(said.size() == 1);
  CHECK(said[0].find("waits: `clade script install agent:worker`") != std::string::npos);
  CHECK(reload.waiting() == std::map<std::string, std::string>{{"agent:worker", content_hash(role)}});
  reload.look();
  CHECK(checks.begun.size() == 1);  // once is enough
  CHECK(said.size() == 1);

  Result<Value> installed = Value();
  reload.install({"agent:worker", "skill:text.slug"}, false, "somebody",
                 [&](Result<Value> answer) { installed = std::move(answer); });
  checks.begun[1].done(Value(Value::Map()));
  checks.begun[2].done(Value{{"tasks", Value::Array{"work_*"}}});
  host.settle();
  REQUIRE(installed);
  CHECK((*installed)["agent:worker"] == Value(content_hash(role)));
  CHECK(host.library.current("agent:worker")->source == role);
  CHECK(host.library.current("skill:text.slug")->source == "return { saved = true }\n");
  CHECK(reload.waiting().empty());
  CHECK(host.count("SELECT count(*) FROM script_event WHERE by = 'somebody'") == 2);
}

TEST_CASE("what was undone is installed by force alone") {
  const SkilledFolder folder;
  PlayedHost host(folder);
  PlayedChecks checks;
  Reload reload(*host.kernel, *host.dispatcher, checks.checks(), [](const auto&, const auto&) {});
  const std::string role = "return { api = 1, saved = true }\n";
  folder.write("agents/worker/init.lua", role);
  Result<Value> answered = Value();
  const auto install = [&](bool force) {
    reload.install({"agent:worker"}, force, "somebody",
                   [&](Result<Value> answer) { answered = std::move(answer); });
  };
  install(false);
  checks.begun[0].done(Value{{"tasks", Value::Array{"work_*"}}});
  host.settle();
  REQUIRE(answered);
  install(false);
  REQUIRE_FALSE(answered);
  CHECK(answered.error().code == "unchanged");
  store::Batch batch;
  host.library.undo(host.library.install_of("worker"), Value{{"reason", "it failed"}}, batch);
  host.dispatcher->commit(std::move(batch), nullptr);
  host.settle();

  reload.look();
  CHECK(checks.begun.size() == 1);
  install(false);
  REQUIRE_FALSE(answered);
  CHECK(answered.error().code == "quarantined");
  CHECK(answered.error().message.find("--force") != std::string::npos);
  install(true);
  REQUIRE(checks.begun.size() == 2);
  SECTION("and is current then") {
    checks.begun[1].done(Value{{"tasks", Value::Array{"work_*"}}});
    host.settle();
    REQUIRE(answered);
    CHECK(host.library.current("agent:worker")->source == role);
    CHECK_FALSE(host.library.was_undone("agent:worker", content_hash(role)));
  }
  SECTION("unless it does not load") {
    checks.begun[1].done(failure("syntax", "init.lua:1: unexpected symbol"));
    REQUIRE_FALSE(answered);
    CHECK(answered.error().code == "refused");
    CHECK(host.library.current("agent:worker")->source == "return { api = 1 }\n");
  }
}

TEST_CASE("the state of an agent is brought to a new form and back before that goes live, on a copy") {
  const Folder folder;
  PlayedHost host(folder);
  PlayedChecks checks;
  std::vector<std::string> said;
  Reload reload(*host.kernel, *host.dispatcher, checks.checks(),
                [&](const auto& name, const auto& text) { said.push_back(name + " " + text); });
  host.add("work_a");
  host.dispatcher->finished(host.next_start().invocation.run, Value("done"), Value{{"runs", 1}}, {});
  host.settle();
  const std::string before = "return { api = 1 }\n";
  const std::string changed = "return { api = 1, schema = 2 }\n";
  folder.write("agents/worker/init.lua", changed);
  reload.look();
  REQUIRE(checks.begun.size() == 1);
  checks.begun[0].done(Value{{"tasks", Value::Array{"work_*"}}, {"schema", 2}});
  REQUIRE(checks.examined.size() == 1);
  CHECK(checks.examined[0].program.main.source == changed);
  CHECK(checks.examined[0].question.state == Value{{"runs", 1}});
  CHECK(checks.examined[0].question.from_version == content_hash(before));
  CHECK(checks.examined[0].question.from_schema == 1);
  const std::string kState = "SELECT count(*) FROM agent WHERE name = 'worker' AND state = '{\"runs\":1}'";

  SECTION("what cannot be brought there refuses the version") {
    checks.examined[0].done(failure("error", "the state has schema 1, and there is no migrate[2]"));
    CHECK(host.library.current("agent:worker")->source == before);
    CHECK(host.count(kState) == 1);
    CHECK(host.count(
              "SELECT count(*) FROM script_event WHERE verb = 'refused' AND detail LIKE '%no migrate[2]%'") ==
          1);
    CHECK(checks.examined.size() == 1);
  }
  SECTION("the version before is asked whether it could go on with it") {
    const bool has_way_back = GENERATE(true, false);
    checks.examined[0].done(Value{{"count", 1}});
    REQUIRE(checks.examined.size() == 2);
    CHECK(checks.examined[1].program.main.source == before);
    CHECK(checks.examined[1].question.state == Value{{"count", 1}});
    CHECK(checks.examined[1].question.from_version == content_hash(changed));
    CHECK(checks.examined[1].question.from_schema == 2);
    checks.examined[1].done(has_way_back ? Result<Value>(Value{{"runs", 1}})
                                         : failure("error", "no migrate.back"));
    CHECK(host.library.current("agent:worker")->source == changed);
    CHECK(host.library.schema_of(content_hash(changed)) == 2);
    CHECK(host.count(kState) == 1);
    CHECK(host.count("SELECT schema FROM version WHERE hash = '" + content_hash(changed) + "'") == 2);
    CHECK((said[0].find("cannot go on with") != std::string::npos) == !has_way_back);
    host.add("work_a");
    const auto start = host.next_start();
    CHECK(start.invocation.from_version == content_hash(before));
    CHECK(start.invocation.from_schema == 1);
  }
}

TEST_CASE("what past runs would have done is told, or keeps a version from going live") {
  const Folder folder;
  const bool required = GENERATE(false, true);
  CAPTURE(required);
  if (required) std::ofstream(folder.path + "/swarm.yaml", std::ios::app) << "shadow: require_same\n";
  PlayedHost host(folder);
  PlayedChecks checks;
  std::vector<std::string> said;
  Reload reload(*host.kernel, *host.dispatcher, checks.checks(),
                [&](const auto& name, const auto& text) { said.push_back(name + " " + text); });
  const std::string changed = "return { api = 1, changed = true }\n";
  folder.write("agents/worker/init.lua", changed);
  reload.look();
  checks.begun.at(0).done(Value{{"tasks", Value::Array{"work_*"}}});
  REQUIRE(checks.compared.size() == 1);
  CHECK(checks.compared[0].role == "worker");
  CHECK(checks.compared[0].program.main.source == changed);
  CHECK((host.library.current("agent:worker")->source == changed) == !required);

  SECTION("one differs") {
    host.settle();
    checks.compared[0].done({5, {{7, "result 1\n", "result 2\n"}}});
    host.settle();
    CHECK((host.library.current("agent:worker")->source == changed) == !required);
    REQUIRE_FALSE(said.empty());
    CHECK(said.back().find("run 7: result 2, not result 1") != std::string::npos);
    CHECK(said.back().find(required ? "--force" : "clade replay 7 --with agents/worker/init.lua") !=
          std::string::npos);
    if (!required) return;
    // A person may want that.
    Result<Value> answered = Value();
    reload.install({"agent:worker"}, true, "somebody",
                   [&](Result<Value> answer) { answered = std::move(answer); });
    checks.begun.at(1).done(Value{{"tasks", Value::Array{"work_*"}}});
    host.settle();
    CHECK(answered);
    CHECK(host.library.current("agent:worker")->source == changed);
  }
  SECTION("none does") {
    checks.compared[0].done({5, {}});
    host.settle();
    CHECK(host.library.current("agent:worker")->source == changed);
    CHECK(said.size() == 1);
  }
}

TEST_CASE("a host that ends in order takes over nothing that is still being tried") {
  const SkilledFolder folder;
  PlayedHost host(folder);
  PlayedChecks checks;
  Reload reload(*host.kernel, *host.dispatcher, checks.checks(), [](const auto&, const auto&) {});
  folder.write("skills/text/slug/init.lua", "return { saved = true }\n");
  reload.look();
  REQUIRE(checks.begun.size() == 1);
  checks.begun[0].done(Value(Value::Map()));
  REQUIRE(checks.begun.size() == 2);
  reload.stop();
  checks.begun[1].done(Value(Value::Map()));
  CHECK(host.library.installs().empty());
  CHECK(host.library.changed().size() == 1);
}

TEST_CASE("what a version says of itself counts for it alone, however late it comes") {
  const SkilledFolder folder;
  PlayedHost host(folder);
  PlayedChecks checks;
  Reload reload(*host.kernel, *host.dispatcher, checks.checks(), [](const auto&, const auto&) {});
  const std::string before = host.library.current("agent:worker")->hash;
  store::Batch batch;
  REQUIRE(host.library.publish("agent:worker", "return { api = 1, schema = 2 }\n", Value(), "worker", batch));
  host.dispatcher->commit(std::exchange(batch, {}), nullptr);
  host.settle();
  reload.refresh("agent:worker");
  REQUIRE(checks.begun.size() == 1);
  REQUIRE(host.library.roll_back("agent:worker", "", "operator", *host.reader, batch));
  host.dispatcher->commit(std::move(batch), nullptr);
  host.settle();
  checks.begun[0].done(Value{{"tasks", Value::Array{"work_*", "more_*"}}, {"schema", 2}});
  CHECK(host.library.schema_of(before) == 1);
  CHECK(host.dispatcher->roles().takes("worker", "work_a"));
  CHECK_FALSE(host.dispatcher->roles().takes("worker", "more_a"));
}

TEST_CASE("a role is asked again if a skill of it changed while it was tried") {
  const SkilledFolder folder;
  PlayedHost host(folder);
  PlayedChecks checks;
  Reload reload(*host.kernel, *host.dispatcher, checks.checks(), [](const auto&, const auto&) {});
  folder.write("agents/worker/init.lua", "return { api = 1, saved = true }\n");
  reload.look();
  REQUIRE(checks.begun.size() == 1);
  store::Batch batch;
  const std::string skill = "return { published = true }\n";
  REQUIRE(host.library.publish("skill:text.slug", skill, Value(), "worker", batch));
  host.dispatcher->commit(std::move(batch), nullptr);
  checks.begun[0].done(Value{{"tasks", Value::Array{"work_*"}}});
  REQUIRE(checks.begun.size() == 2);
  CHECK(checks.begun[1].program.modules.at("text.slug").source == skill);
  checks.begun[1].done(Value{{"tasks", Value::Array{"work_*", "more_*"}}});
  CHECK(host.dispatcher->roles().takes("worker", "more_a"));
}

TEST_CASE("what a decision puts in force is asked what it takes, if nobody knows") {
  const SkilledFolder folder;
  PlayedHost host(folder);
  PlayedChecks checks;
  Reload reload(*host.kernel, *host.dispatcher, checks.checks(), [](const auto&, const auto&) {});
  reload.catch_up({"worker"});
  CHECK(checks.begun.empty());
  const std::string skill = "return { published = true }\n";
  store::Batch batch;
  REQUIRE(host.library.publish("skill:text.slug", skill, Value(), "worker", batch));
  host.dispatcher->commit(std::move(batch), nullptr);
  reload.catch_up({"worker"});
  REQUIRE(checks.begun.size() == 1);
  CHECK(checks.begun[0].program.modules.at("text.slug").source == skill);
}

}  // namespace clade::run
