// clade replay and clade agent test: past runs again, offline.
#include "base/value.h"
#include "cli/app.h"
#include "swarm_fixture.h"

namespace clade::cli {
namespace {

// Strands whose answers come in an order of their own, a read that no await follows, a counter, randomness,
// and a title that one task lacks.
constexpr const char* kClerk = R"lua(
return { api = 1, tasks = { "title", "sent" }, state = { taken = 0 }, on_task = function(self, task)
  self.state.taken = self.state.taken + 1
  if task.type == "sent" then return true end
  local order = {}
  clade.all {
    function()
      clade.cell.eval { source = "local s = 0 for i = 1, 2e7 do s = s + i % 7 end return s" }
      order[#order + 1] = "slow"
    end,
    function()
      order[#order + 1] = clade.cell.eval { source = "return 'quick'" }.value
    end,
  }
  local before = #clade.queue.list { type = "title" }
  clade.queue.add { type = "sent", payload = { order = order, drawn = clade.random(1000), before = before } }
  return task.payload.title:lower()
end }
)lua";

struct Shop : Swarm {
  Shop() {
    write("swarm.yaml",
          "swarm: shop\nagents:\n  clerk: {grants: [cell.eval, queue.read, \"queue.add:*\"]}\n");
    REQUIRE(make_folders(path("agents/clerk")).has_value());
    write("agents/clerk/agent.yaml", "summary: t\ngrants: [cell.eval, queue.read, \"queue.add:*\"]\n");
    write("agents/clerk/init.lua", kClerk);
    start();
    good = json({"task", "add", "title", "--payload", R"({"title":"ABC"})"})["id"].as_string();
    bad = json({"task", "add", "title"})["id"].as_string();
    run({"stop"});
    started = false;
    REQUIRE(run({"run", "--until-idle"}).exit == 0);
  }
  std::string run_of(const std::string& task, const std::string& status) const {
    const Value runs = json({"run", "list", "--for", task, "--status", status});
    REQUIRE_FALSE(runs.as_array().empty());
    return std::to_string(runs.as_array().back()["id"].as_integer());
  }
  // Everything that the store holds.
  std::string dump() const { return test::run_program("sqlite3", {path(".clade/clade.db"), ".dump"}).out; }
  std::string replaced(const std::string& part, const std::string& by) const {
    std::string text = kClerk;
    text.replace(text.find(part), part.size(), by);
    return text;
  }
  std::string good;
  std::string bad;
};

}  // namespace

TEST_CASE("a replay goes the way of the original, answer by answer, and changes nothing") {
  const Shop shop;
  const std::string before = shop.dump();
  REQUIRE(contains(before, "INSERT INTO run"));
  for (int again = 0; again < 3; ++again) {
    const Value replayed = shop.json({"replay", shop.run_of(shop.good, "committed")});
    CHECK(replayed["same"] == Value(true));
    CHECK(replayed["replay"]["end"] == Value("returned"));
    CHECK(replayed["replay"]["result"] == Value("abc"));
    CHECK(replayed["replay"]["answers"].as_array().size() == 3);
    const auto& effects = replayed["replay"]["effects"].as_array();
    REQUIRE(effects.size() == 1);
    // What the quick strand did before the slow one, it does before it again, however fast both are now.
    const Value sent = shop.json({"task", "list", "--type", "sent"});
    CHECK(effects[0]["args"]["payload"] == sent.as_array().back()["payload"]);
  }
  const auto failed = shop.run({"replay", shop.run_of(shop.bad, "failed")});
  CHECK(failed.exit == kOk);
  CHECK(contains(failed.out, "attempt to index"));
  CHECK(contains(failed.out, "effects, none of which is committed"));
  CHECK(shop.dump() == before);
}

TEST_CASE("a replay with another script shows what it would have done instead") {
  const Shop shop;
  const std::string run = shop.run_of(shop.bad, "failed");
  shop.write("mended.lua",
             shop.replaced("task.payload.title:lower()", "(task.payload.title or 'none'):lower()"));
  const auto shown = shop.run({"replay", run, "--with", "mended.lua"});
  CHECK(shown.exit == kFailed);
  CHECK(contains(shown.out, "\n-raised\n"));
  CHECK(contains(shown.out, "\n+returned\n+result \"none\"\n"));
  CHECK_FALSE(contains(shown.out, "+  queue.add"));  // the same in both

  // It may ask in another order and less often: the answers are found by what is asked.
  shop.write("other.lua", shop.replaced("  local order = {}\n",
                                        "  clade.sleep(1)\n  clade.queue.add { type = \"sent\" }\n"
                                        "  local order = { #clade.queue.list { type = \"title\" } }\n"));
  const Value other = shop.json({"replay", shop.run_of(shop.good, "committed"), "--with", "other.lua"});
  CHECK(other["with"]["end"] == Value("returned"));
  CHECK(other["with"]["effects"].as_array().size() == 2);
  CHECK(other["same"] == Value(false));

  // What was never answered is not executed.
  shop.write("new.lua", shop.replaced("return 'quick'", "return 'quicker'"));
  const Value stuck = shop.json({"replay", shop.run_of(shop.good, "committed"), "--with", "new.lua"});
  CHECK(stuck["with"]["end"] == Value("stuck"));
  CHECK(contains(stuck["with"]["text"].as_string(), "quicker"));

  shop.write("same.lua", std::string("-- a comment\n") + kClerk);
  CHECK(shop.run({"replay", shop.run_of(shop.good, "committed"), "--with", "same.lua"}).exit == kOk);
}

TEST_CASE("a saved replay is a test of the role from then on") {
  const Shop shop;
  const std::string run = shop.run_of(shop.bad, "failed");
  const std::string mended =
      shop.replaced("task.payload.title:lower()", "(task.payload.title or 'none'):lower()");
  shop.write("mended.lua", mended);
  const auto saved = shop.run({"replay", run, "--with", "mended.lua", "--save", "no_title"});
  CHECK(contains(saved.out, "saved as agents/clerk/replays/no_title.json"));
  // The script that is in force does not do what was saved yet.
  const auto red = shop.run({"agent", "test", "clerk"});
  CHECK(red.exit == kFailed);
  CHECK(contains(red.out, "failed: clerk no_title"));
  shop.write("agents/clerk/init.lua", mended);
  CHECK(shop.run({"agent", "test", "clerk"}).exit == kOk);
  shop.write("agents/clerk/init.lua", mended + "syntax error");
  const Value broken = shop.json({"agent", "test"});
  CHECK(broken["failed"] == Value(1));
  CHECK(contains(broken["tests"].as_array()[0]["error"].as_string(), "agents/clerk/init.lua:"));

  CHECK(shop.run({"replay", run, "--save", "no_title"}).exit == kFailed);
  CHECK(shop.run({"replay", run, "--save", "no_title", "--force"}).exit == kOk);
  shop.write("agents/clerk/init.lua", kClerk);
  shop.write("agents/clerk/replays/no_title.json", "{\"agent\": 1}");
  CHECK(
      contains(shop.run({"agent", "test", "clerk"}).out, "no_title.json: no saved replay: `agent` must be"));
}

TEST_CASE("a skill is replayed in the place of the one that a run was pinned to") {
  Swarm swarm;
  swarm.write("swarm.yaml", "swarm: s\nagents:\n  one: {grants: []}\n");
  REQUIRE(make_folders(swarm.path("agents/one")).has_value());
  REQUIRE(make_folders(swarm.path("skills/text/loud")).has_value());
  swarm.write("skills/text/loud/skill.yaml", "id: text.loud\nsummary: t\nversion: \"1.0.0\"\n");
  const std::string skill = "return function(text) return text:upper() end\n";
  swarm.write("skills/text/loud/init.lua", skill);
  swarm.write("agents/one/agent.yaml", "summary: t\nskills: [text.loud]\n");
  swarm.write("agents/one/init.lua",
              "local loud = require 'text.loud'\nreturn { api = 1, tasks = { 'say' },\n"
              "  on_task = function(_, task) return loud(task.payload.text) end }\n");
  swarm.start();
  swarm.json({"task", "add", "say", "--payload", R"({"text":"a"})"});
  swarm.run({"stop"});
  swarm.started = false;
  REQUIRE(swarm.run({"run", "--until-idle"}).exit == 0);
  swarm.write("skills/text/loud/init.lua", "return function(text) return text .. '!' end\n");
  CHECK(swarm.run({"replay", "1"}).exit == kOk);
  const Value other = swarm.json({"replay", "1", "--with", "skills/text/loud/init.lua"});
  CHECK(other["with"]["result"] == Value("a!"));
  CHECK(other["replay"]["result"] == Value("A"));
}

TEST_CASE("what cannot be replayed is refused with the reason") {
  const Shop shop;
  const std::string run = shop.run_of(shop.good, "committed");
  CHECK(contains(shop.run({"replay", "999"}).err, "no run 999: see `clade run list`"));
  CHECK(contains(shop.run({"replay", run, "--with", "nix.lua"}).err, "nix.lua"));
  CHECK(shop.run({"replay", run, "--save", "../up"}).exit == kUsage);
  const auto change = [&](const std::string& sql) {
    REQUIRE(test::run_program("sqlite3", {shop.path(".clade/clade.db"), sql}).exit == 0);
  };
  change("UPDATE run SET omitted = 5000000 WHERE id = " + run);
  CHECK(contains(shop.run({"replay", run}).err, "it read 4 MB of shared state, more than is kept"));
  change("UPDATE run SET omitted = 0, recorded = 0 WHERE id = " + run);
  CHECK(contains(shop.run({"replay", run}).err, "an older clade ran it"));
  change("UPDATE run SET status = 'running' WHERE id = " + run);
  CHECK(contains(shop.run({"replay", run}).err, "it has not ended"));
}

}  // namespace clade::cli
