// kill -9 of the host while a handler waits for the first of several, and after it was decided.
#include <csignal>

#include <catch2/catch.hpp>

#include "small_swarm.h"
#include "support/command.h"

namespace test {
namespace {

// A command that ends when the file `leash` is gone, an evaluation, and a long pause; then five evaluations.
constexpr const char* kRace = R"lua(
local function evaluate(rounds)
  local result = clade.cell.eval { cpu_ms = 20000, wall_ms = 60000,
    source = ("local x = 0 for i = 1, %d do x = x + i %% 7 end return %d"):format(rounds, rounds) }
  assert(result.ok, result.error)
  return result.value
end
return {
  api = 1, tasks = { "race", "note" },
  on_task = function(self, task)
    if task.type == "note" then return end
    local value, index = clade.any {
      function()
        clade.queue.add { type = "note" }
        assert(clade.process.run { "sh", "-c", "echo $$ >> witness; while [ -e leash ]; do sleep 0.05; done" })
        return "command"
      end,
      function() return evaluate(4e8) end,
      function() clade.sleep(86400000) return "pause" end,
    }
    local before = clade.now()
    for round = 1, 5 do evaluate(2e7 + round) end
    return { value = value, index = index, later = clade.now() > before }
  end,
}
)lua";

}  // namespace

TEST_CASE("a host that is killed in the middle of clade.any goes the same way, and begins nothing twice") {
  Swarm swarm;
  write_swarm(swarm, kRace);
  swarm.write("leash", "");
  swarm.start();
  swarm.until_up();
  swarm.clade({"task", "add", "race"});
  std::string witness;
  swarm.until([&] { return !(witness = swarm.read("witness")).empty(); });
  swarm.kill();
  swarm.start();
  for (const int64_t at_least : {1, 3}) {
    swarm.until_count("SELECT count(*) FROM journal WHERE op = 'cell.eval' AND status = 'done'", at_least);
    swarm.kill();
    swarm.start();
  }
  swarm.until_count("SELECT count(*) FROM task WHERE type = 'race' AND state = 'completed'", 1);
  CHECK(swarm.text("SELECT result FROM task WHERE type = 'race'") ==
        "{\"index\":2,\"later\":true,\"value\":400000000}");
  CHECK(swarm.read("witness") == witness);
  CHECK(swarm.count("SELECT count(*) FROM run WHERE trigger_id = 't1'") == 1);
  CHECK(swarm.count("SELECT count(*) FROM task WHERE type = 'note'") == 1);
  CHECK(swarm.count("SELECT count(*) FROM journal WHERE op = 'sleep' AND status = 'cancelled'") == 1);
  CHECK(swarm.count("SELECT count(*) FROM journal WHERE op = 'cell.eval' AND status = 'done'") == 6);
}

TEST_CASE("a command that clade.any gives up is killed") {
  Swarm swarm;
  write_swarm(swarm, kRace);
  swarm.write("leash", "");
  swarm.start();
  swarm.until_up();
  swarm.clade({"task", "add", "race"});
  swarm.until_count("SELECT count(*) FROM task WHERE type = 'race' AND state = 'completed'", 1);
  const pid_t command = std::stoi(swarm.read("witness"));
  swarm.until([&] { return ::kill(command, 0) != 0; });
  CHECK(swarm.count("SELECT count(*) FROM journal WHERE op = 'process.run' AND status = 'cancelled'") == 1);
  CHECK(swarm.text("SELECT json_extract(result, '$.index') FROM task WHERE type = 'race'") == "2");
}

}  // namespace test
