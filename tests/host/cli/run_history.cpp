// clade run list and clade run show: what ran, what it waited for and what came of it.
#include "cli/app.h"
#include "swarm_fixture.h"

namespace clade::cli {
namespace {

// A task that evaluates, one that fails, and the task that the first submits.
constexpr const char* kAgent = R"lua(
return { api = 1, tasks = { "sum", "broken", "sent" }, on_task = function(_, task)
  if task.type == "broken" then error("on purpose", 0) end
  if task.type == "sent" then return true end
  local found = clade.cell.eval { source = "return 6 * 7" }
  clade.queue.add { type = "sent", payload = { sum = found.value } }
  return found.value
end }
)lua";

struct Worked : Swarm {
  Worked() {
    write("swarm.yaml", "swarm: sums\nagents:\n  one: {grants: [cell.eval, \"queue.add:*\"]}\n");
    REQUIRE(make_folders(path("agents/one")).has_value());
    write("agents/one/agent.yaml", "summary: sums\ngrants: [cell.eval, \"queue.add:*\"]\n");
    write("agents/one/init.lua", kAgent);
    start();
    task = json({"task", "add", "sum"})["id"].as_string();
    broken = json({"task", "add", "broken"})["id"].as_string();
    run({"stop"});
    started = false;
    // The first host may have been stopped before it came to them.
    REQUIRE(run({"run", "--until-idle"}).exit == 0);
  }

  std::string task;
  std::string broken;
};

TEST_CASE("runs are listed by agent, end and what they handled") {
  const Worked swarm;
  const Value all = swarm.json({"run", "list"});
  CHECK(all.as_array().size() >= 5);  // a failed task is tried three times
  CHECK(all.as_array().front()["id"].as_integer() > all.as_array().back()["id"].as_integer());
  CHECK(swarm.json({"run", "list", "--limit", "2"}).as_array().size() == 2);
  CHECK(swarm.json({"run", "list", "--agent", "two"}).as_array().empty());
  const Value failed = swarm.json({"run", "list", "--agent", "one", "--status", "failed"});
  REQUIRE(failed.as_array().size() == 3);
  for (const Value& one : failed.as_array()) {
    CHECK(one["trigger_id"].as_string() == swarm.broken);
    CHECK(contains(one["error"].as_string(), "on purpose"));
  }
  CHECK(contains(swarm.run({"run", "list", "--agent", "two"}).out, "no runs"));
}

TEST_CASE("a run is shown with its journal and its effects") {
  const Worked swarm;
  const Value committed = swarm.json({"run", "list", "--for", swarm.task, "--status", "committed"});
  REQUIRE(committed.as_array().size() == 1);
  const std::string id = std::to_string(committed.as_array()[0]["id"].as_integer());
  const Value shown = swarm.json({"run", "show", id});
  CHECK(shown["version"].as_string().size() == 64);
  const auto& journal = shown["journal"].as_array();
  REQUIRE(journal.size() == 1);
  CHECK(journal[0]["op"] == Value("cell.eval"));
  CHECK(journal[0]["args"]["source"] == Value("return 6 * 7"));
  CHECK(journal[0]["result"]["value"] == Value(42));
  const auto& effects = shown["effects"].as_array();
  REQUIRE(effects.size() == 1);
  CHECK(effects[0]["kind"] == Value("task"));
  CHECK(effects[0]["id"] == Value("r" + id + ".1"));
  CHECK(effects[0]["text"] == Value("sent"));
  const std::string text = swarm.run({"run", "show", id}).out;
  CHECK(contains(text, "cell.eval {"));
  CHECK(contains(text, "task r" + id + ".1  sent"));
}

TEST_CASE("what run list and run show do not understand is refused with what to do") {
  const Swarm swarm;
  REQUIRE(swarm.run({"run", "--until-idle"}).exit == 0);
  const auto unknown = swarm.run({"run", "show", "999"});
  CHECK(unknown.exit == kFailed);
  CHECK(contains(unknown.err, "no run 999"));
  CHECK(contains(unknown.err, "`clade run list`"));
  CHECK(contains(swarm.run({"run", "show", "x"}).err, "x is no whole number from 1"));
  CHECK(contains(swarm.run({"run", "list", "--status", "faild"}).err, "did you mean \"failed\""));
  // Options of the host's command are not ignored.
  const auto mixed = swarm.run({"run", "--seed", "4", "list"});
  CHECK(mixed.exit == kUsage);
  CHECK(contains(mixed.err, "--seed belongs to `run` itself"));
  CHECK(swarm.run({"run", "elsewhere", "list"}).exit == kUsage);
}

}  // namespace
}  // namespace clade::cli
