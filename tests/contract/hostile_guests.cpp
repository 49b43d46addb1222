// The main job while every script of the hostile corpus is submitted to the same host, in random order: it
// ends as it does alone.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <regex>
#include <sstream>

#include <catch2/catch.hpp>

#include "base/codec.h"
#include "support/command.h"
#include "support/swarm.h"

namespace test {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> kSmall = {"--approve", "auto", "--seed", "7", "--evaluations", "1600"};

struct Guest {
  std::string name;
  std::string source;
  bool as_agent = false;
};

std::vector<Guest> corpus() {
  std::vector<Guest> guests;
  const fs::path folder = fs::path(CLADE_SOURCE) / "tests/lua/hostile";
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".lua") continue;
    std::ifstream file(entry.path());
    std::stringstream text;
    text << file.rdbuf();
    const bool as_agent =
        std::regex_search(text.str(), std::regex("\n-- Runs as: (agent|mail|migration|selftest)\n"));
    guests.push_back({fs::relative(entry.path(), folder).string(), text.str(), as_agent});
  }
  std::sort(guests.begin(), guests.end(),
            [](const Guest& left, const Guest& right) { return left.name < right.name; });
  return guests;
}

// Evaluates what it is given, as the tester does with candidates.
constexpr const char* kJudge = R"lua(
return { api = 1, tasks = { "judge" }, on_task = function(_, task)
  local result = clade.cell.eval { source = task.payload.source, cpu_ms = 100, wall_ms = 1000, memory_mb = 32 }
  return result.ok and "ok" or result.code
end }
)lua";

// Becomes every guest in turn: each is saved as its script.
constexpr const char* kGuest = "return { api = 1, tasks = { 'work' }, on_task = function() end }\n";

void invite(const Swarm& swarm) {
  std::string manifest = swarm.read("swarm.yaml");
  const std::string agents = "\nagents:\n";
  manifest.replace(manifest.find(agents), agents.size(),
                   agents + "  judge: {grants: [cell.eval]}\n  guest: {}\n");
  swarm.write("swarm.yaml", manifest);
  swarm.write("agents/judge/agent.yaml", "summary: evaluates guests\ngrants: [cell.eval]\n");
  swarm.write("agents/judge/init.lua", kJudge);
  swarm.write("agents/guest/agent.yaml", "summary: a guest\n");
  swarm.write("agents/guest/init.lua", kGuest);
}

int64_t decisions_on_guest(const Swarm& swarm) {
  return swarm.count(
      "SELECT count(*) FROM script_event WHERE name = 'agent:guest' AND verb IN ('imported', 'refused')");
}

// Saves an agent's script; if the host takes it, gives it a task and waits until that has been tried.
void receive(const Swarm& swarm, const Guest& guest) {
  const int64_t before = decisions_on_guest(swarm);
  swarm.write("agents/guest/init.lua", guest.source);
  swarm.until_count(
      "SELECT count(*) FROM script_event WHERE name = 'agent:guest' AND verb IN ('imported', 'refused')",
      before + 1);
  const auto added =
      run_clade({"task", "add", "work", "--json"}, {.input = "", .folder = swarm.path(), .environment = {}});
  // A guest may say that it takes no such tasks.
  if (added.exit != 0) {
    CHECK_THAT(added.err, Catch::Contains("no role handles \"work\""));
    return;
  }
  const std::string id = (*clade::decode_json(added.out))["id"].as_string();
  swarm.until_count("SELECT count(*) FROM task WHERE id = '" + id +
                        "' AND (state IN ('completed', 'dead_letter') OR (state = 'queued' AND attempt > 0))",
                    1);
  if (swarm.text("SELECT state FROM task WHERE id = '" + id + "'") == "queued") {
    swarm.clade({"task", "cancel", id});
  }
}

std::string published_hash(const Swarm& swarm) {
  return swarm.text("SELECT hash FROM script WHERE name = 'skill:optimize.bin_packing'");
}

constexpr const char* kReported =
    "SELECT count(*) FROM task WHERE type = 'write_report' AND state = 'completed'";

}  // namespace

TEST_CASE("the main job ends as it does alone while every hostile script visits its host") {
  Swarm alone(true);
  alone.start(kSmall);
  alone.until_count(kReported, 1);
  const std::string expected = published_hash(alone);

  Swarm swarm(true);
  invite(swarm);
  auto guests = corpus();
  REQUIRE(guests.size() > 4);
  const auto seed = std::random_device()();
  CAPTURE(seed);
  std::shuffle(guests.begin(), guests.end(), std::mt19937(seed));
  swarm.start(kSmall);
  swarm.until_up();
  for (const auto& guest : guests) {
    INFO(guest.name);
    if (guest.as_agent) {
      receive(swarm, guest);
    } else {
      swarm.write("guest.json", clade::encode_json({{"source", guest.source}}));
      swarm.clade({"task", "add", "judge", "--payload", "@guest.json"});
    }
  }
  swarm.until_count(kReported, 1);
  const auto judged =
      std::count_if(guests.begin(), guests.end(), [](const Guest& guest) { return !guest.as_agent; });
  swarm.until_count("SELECT count(*) FROM task WHERE type = 'judge' AND state = 'completed'", judged);
  CHECK(published_hash(swarm) == expected);
  CHECK(swarm.count("SELECT count(*) FROM task WHERE type = 'judge' AND state != 'completed'") == 0);
  // The host has been there all the time, and is well.
  CHECK(swarm.json({"status"})["pid"].as_integer() == swarm.pid());
  swarm.clade({"stop"});
  CHECK(swarm.wait() == 0);
}

}  // namespace test
