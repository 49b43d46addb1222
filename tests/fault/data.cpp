// kill -9 of the host around what a handler keeps by key.
#include <catch2/catch.hpp>

#include "small_swarm.h"
#include "support/command.h"

namespace test {

TEST_CASE("data is there with the run that set it, or not at all") {
  Swarm swarm;
  write_swarm(swarm, R"lua(
return {
  api = 1, tasks = { "keep" },
  on_task = function(self, task)
    local before = #clade.data.keys { prefix = "page/" }
    for n = 1, 3 do clade.data.set("page/" .. n, { n = n, text = ("x"):rep(100000) }) end
    clade.data.set("draft", true)
    local result = clade.cell.eval { source = "local x = 0 for i = 1, 3e8 do x = x + i % 7 end return 1",
      cpu_ms = 20000, wall_ms = 60000 }
    assert(result.ok, result.error)
    clade.data.delete("draft")
    return { before = before, n = clade.data.get("page/2").n, keys = clade.data.keys() }
  end,
}
)lua");
  swarm.start();
  swarm.until_up();
  swarm.clade({"task", "add", "keep"});
  swarm.until_count("SELECT count(*) FROM journal WHERE op = 'cell.eval' AND status = 'started'", 1);
  swarm.kill();
  CHECK(swarm.count("SELECT count(*) FROM data") == 0);
  for (const int64_t tasks : {1, 2}) {
    swarm.start();
    swarm.until_count("SELECT count(*) FROM task WHERE state = 'completed'", tasks);
    swarm.kill();
    CHECK(swarm.text("SELECT group_concat(agent || ' ' || key) FROM (SELECT * FROM data ORDER BY key)") ==
          "one page/1,one page/2,one page/3");
    if (tasks == 2) break;
    swarm.start();
    swarm.until_up();
    swarm.clade({"task", "add", "keep"});
    swarm.kill();
  }
  CHECK(swarm.text("SELECT result FROM task WHERE id = 't1'") ==
        "{\"before\":0,\"keys\":[\"page/1\",\"page/2\",\"page/3\"],\"n\":2}");
  CHECK(swarm.text("SELECT json_extract(result, '$.before') FROM task WHERE id = 't2'") == "3");
  const clade::Value data = swarm.json({"agent", "show", "one"})["instances"]["one"]["data"];
  CHECK(data["keys"].as_integer() == 3);
  CHECK(data["bytes"].as_integer() > 300000);
  CHECK(swarm.clade({"agent", "show", "one"}).find("one keeps 3 keys in clade.data") != std::string::npos);
}

}  // namespace test
