// clade.commit under kill -9: each part of a handler happens once.
#include <catch2/catch.hpp>

#include "small_swarm.h"

namespace test {
namespace {

// Five parts, each with an evaluation that takes a while.
constexpr const char* kParts = R"lua(
return {
  api = 1, tasks = { "parts" }, state = { done = 0 },
  on_task = function(self)
    for n = 1, 5 do
      local result = clade.cell.eval { source = "count(1) local x = 0 for i = 1, 2e7 do x = x + i % 7 end return x",
        cpu_ms = 20000, wall_ms = 60000 }
      assert(result.ok, result.error)
      self.state.done = self.state.done + 1
      clade.mail.send { to = "agent:two", kind = "part", body = n }
      clade.commit()
    end
    return self.state.done
  end,
}
)lua";

constexpr const char* kListener = R"lua(
return { api = 1, state = { heard = {} },
  on_mail = function(self, message) self.state.heard[#self.state.heard + 1] = message.body end }
)lua";

}  // namespace

TEST_CASE("a host that is killed between the parts of a handler does each of them once") {
  Swarm swarm;
  write_swarm(swarm, kParts, kListener);
  swarm.start();
  swarm.until_up();
  swarm.clade({"task", "add", "parts"});
  for (const int64_t at_least : {1, 3, 4}) {
    swarm.until_count("SELECT count(*) FROM journal WHERE op = 'commit'", at_least);
    swarm.kill();
    swarm.start();
  }
  swarm.until_count("SELECT count(*) FROM task WHERE state = 'completed'", 1);
  swarm.until_count("SELECT count(*) FROM message WHERE state = 'handled'", 5);
  CHECK(swarm.count("SELECT count(*) FROM message") == 5);
  CHECK(swarm.text("SELECT state FROM agent WHERE name = 'one'") == "{\"done\":5}");
  CHECK(swarm.text("SELECT state FROM agent WHERE name = 'two'") == "{\"heard\":[1,2,3,4,5]}");
  CHECK(swarm.count("SELECT sum(units) FROM ledger") == 5);
  CHECK(swarm.text("SELECT result FROM task") == "5");
  CHECK(swarm.clade({"replay", "1"}).find("the same as it was") != std::string::npos);
}

}  // namespace test
