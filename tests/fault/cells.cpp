// Cells that loop, eat memory, crash or are killed: the swarm goes on.
#include <csignal>
#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>
#include <unistd.h>

#include "cell_processes.h"
#include "small_swarm.h"
#include "support/polite_stop.h"

namespace test {
namespace {

constexpr const char* kFine = R"lua(
return { api = 1, tasks = { "fine_*" }, state = { runs = 0 },
  on_task = function(self) self.state.runs = self.state.runs + 1 return "done" end }
)lua";

}  // namespace

TEST_CASE(
    "a handler that never ends is stopped, named by line, retried and dead-lettered, its neighbour works "
    "on") {
  Swarm swarm;
  write_swarm(
      swarm,
      "return { api = 1, tasks = { 'loop' },\n  on_task = function()\n    while true do end\n  end }\n",
      kFine);
  swarm.start();
  swarm.until_up();
  swarm.clade({"task", "add", "loop"});
  // Where it cannot be stopped politely it goes with its cell.
  swarm.until_count(test::kStopsPolitely
                        ? "SELECT count(*) FROM run WHERE status = 'failed' AND error LIKE "
                          "'%agents/one/init.lua@%:3:%'"
                        : "SELECT count(*) FROM run WHERE status = 'lost' AND error LIKE '%slice_ms%'",
                    1);
  swarm.clade({"task", "add", "fine_a"});
  swarm.until_count("SELECT count(*) FROM task WHERE type = 'fine_a' AND state = 'completed'", 1);
  swarm.until_count("SELECT count(*) FROM task WHERE type = 'loop' AND state = 'dead_letter'", 1);
}

TEST_CASE("a handler that eats memory fails with the limit's name, its neighbour works on") {
  Swarm swarm;
  write_swarm(swarm, R"lua(
return { api = 1, tasks = { "eat" }, on_task = function()
  local all = {}
  for n = 1, 1e9 do all[n] = ("x"):rep(100000) .. n end
end }
)lua",
              kFine);
  swarm.start();
  swarm.until_up();
  swarm.clade({"task", "add", "eat"});
  swarm.until_count("SELECT count(*) FROM run WHERE agent = 'one' AND status IN ('failed', 'lost')", 1);
  swarm.clade({"task", "add", "fine_a"});
  swarm.until_count("SELECT count(*) FROM task WHERE type = 'fine_a' AND state = 'completed'", 1);
}

TEST_CASE("cells that are killed cost their runs nothing but a redelivery") {
  Swarm swarm;
  write_swarm(swarm, R"lua(
return { api = 1, tasks = { "wait" }, state = { runs = 0 }, on_task = function(self)
  clade.process.run { "sh", "-c", "echo once >> witness" }
  clade.process.run { "sh", "-c", "while ! [ -e go ]; do sleep 0.01; done" }
  self.state.runs = self.state.runs + 1
  return "waited"
end }
)lua",
              kFine);
  swarm.start();
  swarm.until_up();
  swarm.clade({"task", "add", "wait"});
  swarm.until_count("SELECT count(*) FROM journal WHERE status = 'started' AND position = 2", 1);
  for (const pid_t cell : cells_of(swarm.pid())) kill(cell, SIGKILL);
  swarm.write("go", "");
  swarm.until_count("SELECT count(*) FROM task WHERE state = 'completed'", 1);
  INFO(swarm.text("SELECT group_concat(id || ' ' || status || ': ' || error) FROM run"));
  CHECK(swarm.read("witness") == "once\n");
  CHECK(swarm.count("SELECT attempt FROM task") == 1);
  CHECK(swarm.text("SELECT state FROM agent WHERE name = 'one'") == "{\"runs\":1}");
}

TEST_CASE(
    "an agent whose cell dies three times is stopped until somebody releases it, also by the next host") {
  Swarm swarm;
  write_swarm(swarm, R"lua(
return { api = 1, tasks = { "hang" }, on_task = function() while true do end end }
)lua",
              kFine);
  swarm.start();
  swarm.until_up();
  for (int task = 0; task < 5; ++task) swarm.clade({"task", "add", "hang"});
  swarm.until([&] {
    // One that has not yet come to its loop would be killed without blame, again and again.
    for (const pid_t cell : cells_of(swarm.pid())) {
      if (busy_ms(cell) >= 200) kill(cell, SIGKILL);
    }
    return swarm.count("SELECT count(*) FROM script_event WHERE verb = 'quarantined'") > 0;
  });
  CHECK(swarm.count("SELECT count(*) FROM script_event WHERE verb = 'blamed'") == 3);
  CHECK(swarm.clade({"status"}).find("clade script release one") != std::string::npos);
  swarm.clade({"task", "add", "fine_a"});
  swarm.until_count("SELECT count(*) FROM task WHERE type = 'fine_a' AND state = 'completed'", 1);
  const std::string queued =
      swarm.text("SELECT id FROM task WHERE type = 'hang' AND state = 'queued' AND due_at = 0");
  const std::string advice = "clade script release one";
  CHECK(swarm.clade({"why", queued}).find(advice) != std::string::npos);
  CHECK(swarm.json({"task", "show", queued})["live"]["advice"].as_string().find(advice) != std::string::npos);
  CHECK(swarm.clade({"agent", "show", "one"}).find(advice) != std::string::npos);
  swarm.clade({"stop"});
  CHECK(swarm.wait() == 0);
  CHECK(swarm.json({"agent", "show", "one"})["stopped"].as_string().find(advice) != std::string::npos);

  swarm.start({"--until-idle"});
  CHECK(swarm.wait() == 0);
  CHECK(swarm.read("host.out").find("clade script release one") != std::string::npos);
  CHECK(swarm.count("SELECT count(*) FROM task WHERE type = 'hang' AND state = 'queued'") >= 2);

  swarm.start();
  swarm.until_up();
  swarm.clade({"script", "release", "one"});
  CHECK(swarm.json({"agent", "show", "one"})["stopped"] == clade::Value(""));
  // It runs again: this time its endless loop meets the deadline.
  swarm.until_count("SELECT count(*) FROM run WHERE status IN ('failed', 'lost') AND error LIKE '%slice_ms%'",
                    1);
}

TEST_CASE("nothing is left of a host that was killed: no cell, no zygote") {
  Swarm swarm;
  write_swarm(swarm, R"lua(
return { api = 1, tasks = { "wait" }, on_task = function() clade.sleep(3600000) end }
)lua");
  swarm.start();
  swarm.until_up();
  swarm.clade({"task", "add", "wait"});
  swarm.until_count("SELECT count(*) FROM journal WHERE status = 'started'", 1);
  const auto cells = cells_of(swarm.pid());
  REQUIRE_FALSE(cells.empty());
  swarm.kill();
  swarm.until([&] {
    for (const pid_t cell : cells) {
      if (std::filesystem::exists("/proc/" + std::to_string(cell) + "/exe")) return false;
    }
    return true;
  });
}

}  // namespace test
