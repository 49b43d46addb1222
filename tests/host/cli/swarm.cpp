// Commands that make or look at a swarm's files: init, agent, doctor, and folders that do not fit.
#include <algorithm>
#include <filesystem>

#include <sys/stat.h>
#include <unistd.h>

#include "cli/app.h"
#include "script/manifest.h"
#include "swarm_fixture.h"

namespace clade::cli {
namespace {

TEST_CASE("init makes a swarm whose tests pass and whose agent works") {
  Swarm swarm;
  CHECK(swarm.run({"skill", "test", "text.greeting"}).exit == kOk);
  swarm.start();
  REQUIRE(swarm.run({"task", "add", "greet", "--payload", "{\"name\":\"Ada\"}"}).out == "t1\n");
  REQUIRE(swarm.run({"stop"}).exit == kOk);
  // Whatever a stop cut off goes on.
  REQUIRE(swarm.run({"run", "--until-idle"}).exit == kOk);
  CHECK(swarm.json({"task", "show", "t1"})["result"]["greeting"].as_string() == "Hello, Ada!");
}

TEST_CASE("init writes into new and empty folders only") {
  const test::TemporaryFolder folder;
  REQUIRE(make_folders(folder / "empty").has_value());
  const auto made = test::run_clade({"init", "empty"}, {"", folder.path(), {}});
  CHECK(made.exit == kOk);
  CHECK(contains(made.out, "clade run --detach"));
  const auto again = test::run_clade({"init", "empty"}, {"", folder.path(), {}});
  CHECK(again.exit == kFailed);
  CHECK(contains(again.err, "is not empty"));
  REQUIRE(write_file_atomic(folder / "file", "x").has_value());
  CHECK(contains(test::run_clade({"init", folder / "file"}).err, "is no folder"));
  // A folder's name need not be a name.
  REQUIRE(test::run_clade({"init", folder / "1 größe: true"}).exit == kOk);
  CHECK(script::read_swarm_manifest(folder / "1 größe: true/swarm.yaml").has_value());
}

TEST_CASE("a new agent is entered in swarm.yaml and handles its tasks") {
  Swarm swarm;
  CHECK(contains(swarm.run({"agent", "new", "sorter"}).out, "entered it in swarm.yaml"));
  CHECK(swarm.run({"agent", "new", "sorter"}).exit == kFailed);
  CHECK(swarm.run({"agent", "new", "Sorter"}).exit == kUsage);
  const Value list = swarm.json({"agent", "list"});
  REQUIRE(list.as_array().size() == 2);
  CHECK(contains(read_file(swarm.path("swarm.yaml")).value(), "# A swarm"));
  swarm.start();
  CHECK(swarm.run({"task", "add", "sorter_try"}).out == "t1\n");
  REQUIRE(swarm.run({"stop"}).exit == kOk);
  REQUIRE(swarm.run({"run", "--until-idle"}).exit == kOk);
  CHECK(swarm.json({"task", "show", "t1"})["state"].as_string() == "completed");
  CHECK(swarm.json({"agent", "show", "sorter"})["instances"]["sorter"]["state"]["handled"].as_integer() == 1);
}

TEST_CASE("where the agents of swarm.yaml are no plain block, the entry is told instead of written") {
  const Swarm swarm;
  swarm.write("swarm.yaml", "swarm: x\nagents: {greeter: {}}\n");
  CHECK(contains(swarm.run({"agent", "new", "sorter"}).out, "now add to `agents`"));
  CHECK(read_file(swarm.path("swarm.yaml")).value() == "swarm: x\nagents: {greeter: {}}\n");
}

TEST_CASE("an agent is shown with what it asks for and is given") {
  const Swarm swarm;
  CHECK(contains(swarm.run({"agent", "show", "greeter"}).out, "skills:    text.greeting"));
  const auto missing = swarm.run({"agent", "show", "greter"});
  CHECK(missing.exit == kFailed);
  CHECK(contains(missing.err, "did you mean \"greeter\"?"));
}

TEST_CASE("an agent is shown with the limits of its grants, and with what its skills need") {
  const Swarm swarm;
  swarm.write("swarm.yaml",
              "swarm: x\nagents:\n  greeter:\n    grants:\n      - queue.add:greet\n"
              "      - {grant: 'mail.send:role:*', rate: 10/min, size: 64 KB}\n");
  swarm.write("skills/text/greeting/skill.yaml",
              "id: text.greeting\ngrants: ['mail.send:role:a', cell.eval]\n");
  swarm.write("agents/greeter/agent.yaml", "skills: [text.greeting]\ngrants: ['mail.send:role:*']\n");
  const std::string shown = swarm.run({"agent", "show", "greeter"}).out;
  INFO(shown);
  CHECK(contains(shown, "is given:  queue.add:greet, mail.send:role:* (rate 10/min, size 64 KB)\n"));
  CHECK(contains(shown, "needs:     mail.send:role:a for text.greeting\n"));
  CHECK(contains(
      shown, "needs:     cell.eval for text.greeting, which agent.yaml does not ask for: add it there\n"));
  const Value json = swarm.json({"agent", "show", "greeter"});
  CHECK(json["gets"].as_array().at(0) == Value("queue.add:greet"));
  CHECK(json["gets"].as_array().at(1) ==
        Value{{"grant", "mail.send:role:*"}, {"rate", "10/min"}, {"size", "64 KB"}, {"bytes", 65536}});
  CHECK(json["needs"].as_array().at(1)["asked"] == Value(false));
  CHECK(contains(swarm.run({"skill", "show", "text.greeting"}).out,
                 "needs:      mail.send:role:a, cell.eval\n"));
  // Such a swarm does not start, and says what to do.
  const auto run = swarm.run({"run", "--until-idle"});
  CHECK(run.exit != kOk);
  CHECK(contains(
      run.err, "agents/greeter/agent.yaml:1:10: the skill \"text.greeting\" needs the grant \"cell.eval\""));
}

TEST_CASE("the nearest parent with swarm.yaml is the swarm") {
  const Swarm swarm;
  CHECK(test::run_clade({"skill", "list"}, {"", swarm.path("skills/text"), {}}).exit == kOk);
  CHECK(test::run_clade({"-C", swarm.path(), "skill", "list"}).exit == kOk);
  CHECK(test::run_clade({"skill", "list", "-C", swarm.path()}).exit == kOk);
  const auto file = swarm.run({"run", swarm.path("swarm.yaml")});
  CHECK(file.exit == kUsage);
  CHECK(contains(file.err, "swarm.yaml is a file: name the folder of a swarm, " + swarm.path() + "\n"));
  CHECK(contains(swarm.run({"run", "agents/greeter/init.lua"}).err, "one that holds swarm.yaml"));
  // A named folder is not looked for further up.
  CHECK(test::run_clade({"-C", swarm.path("skills"), "skill", "list"}).exit == kUsage);
}

TEST_CASE("doctor tells of every layer and tool, what for and what to do") {
  const auto result = test::run_clade({"doctor", "--json"});
  const auto report = decode_json(result.out);
  REQUIRE(report.has_value());
  CHECK((*report)["ok"].as_bool() == (result.exit == kOk));
  std::vector<std::string> names;
  for (const Value& finding : (*report)["findings"].as_array()) {
    const std::string name = finding["name"].as_string();
    INFO(name);
    names.push_back(name);
    const std::string health = finding["health"].as_string();
    CHECK((health == "ok" || health == "degraded" || health == "missing"));
    CHECK_FALSE(finding["purpose"].as_string().empty());
    CHECK(finding["advice"].as_string().empty() == (health == "ok"));
  }
  for (const char* name : {"seccomp", "landlock", "namespaces", "rlimits", "checkhook", "git", "disk",
                           "inotify", "sqlite", "cores", "open files"}) {
    INFO(name);
    CHECK(std::find(names.begin(), names.end(), name) != names.end());
  }
  const auto without_git = test::run_clade({"doctor"}, {"", "", {"PATH=/nonexistent"}});
  CHECK(contains(without_git.out, "degraded  git"));
  CHECK(contains(without_git.out, "install git"));
}

}  // namespace
}  // namespace clade::cli
