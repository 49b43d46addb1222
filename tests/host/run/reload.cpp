// Trials of versions, with checks that the test plays.
#include "run/reload.h"

#include <deque>
#include <functional>
#include <string>
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
            [this](uint64_t check) { cancelled.push_back(check); }};
  }
  std::deque<Check> begun;  // handles count from 1
  std::vector<uint64_t> cancelled;
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

}  // namespace clade::run
