// Files of committed runs that cannot be written.
#include <csignal>
#include <filesystem>

#include <catch2/catch.hpp>

#include "small_swarm.h"

namespace test {

TEST_CASE("a file that cannot be written is told of once and keeps no host from its work") {
  Swarm swarm;
  write_swarm(swarm, R"lua(
return { api = 1, tasks = { "note" },
  on_task = function(self, task)
    clade.file.write("report/out/note.md", "hello")
    -- Fine when it was asked for, and not any more when it is done.
    clade.process.run { "sh", "-c", "mkdir -p report && ln -s /tmp report/out" }
  end }
)lua");
  for (const char* file : {"swarm.yaml", "agents/one/agent.yaml"}) {
    std::string text = swarm.read(file);
    for (size_t at = 0; (at = text.find("[cell.eval", at)) != std::string::npos; at += 1) {
      text.insert(at + 1, "'file.write:report/**', ");
    }
    swarm.write(file, text);
  }
  swarm.start();
  swarm.until_up();
  swarm.clade({"task", "add", "note"});
  swarm.until_count("SELECT count(*) FROM file_write WHERE done = 2", 1);
  swarm.signal(SIGTERM);
  CHECK(swarm.wait() == 0);
  CHECK(swarm.read("host.out").find("files not written:  1: ") != std::string::npos);
  CHECK(swarm.clade({"logs"}).find("symbolic link") != std::string::npos);

  std::filesystem::remove(swarm.path() + "/host.out");
  swarm.start({"--until-idle"});
  CHECK(swarm.wait() == 0);
  CHECK(swarm.read("host.out").find("files not written") == std::string::npos);
}

}  // namespace test
