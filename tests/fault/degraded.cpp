// A kernel without Landlock, played by a filter on the host and all that it starts.
#include <cerrno>

#include <catch2/catch.hpp>
#include <seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "small_swarm.h"

namespace test {
namespace {

void without_landlock() {
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
  const bool ready =
      filter && seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(landlock_create_ruleset), 0) == 0 &&
      seccomp_load(filter) == 0;
  if (!ready) _exit(99);
}

constexpr const char* kFine =
    "return { api = 1, tasks = { 'fine' }, on_task = function() return 'done' end }\n";

}  // namespace

TEST_CASE("a kernel without Landlock degrades the isolation, and the host says so") {
  Swarm swarm;
  write_swarm(swarm, kFine);
  swarm.start({}, without_landlock);
  swarm.until_up();
  swarm.clade({"task", "add", "fine"});
  swarm.until_count("SELECT count(*) FROM task WHERE state = 'completed'", 1);
  CHECK(swarm.read("host.out").find("landlock") != std::string::npos);
  CHECK(swarm.clade({"status"}).find("landlock") != std::string::npos);
}

TEST_CASE("a swarm that requires a layer does not start without it") {
  Swarm swarm;
  write_swarm(swarm, kFine);
  swarm.write("swarm.yaml", swarm.read("swarm.yaml") + "require: [landlock]\n");
  SECTION("missing") {
    swarm.start({"--until-idle"}, without_landlock);
    CHECK(swarm.wait() == 1);
    CHECK(swarm.read("host.out").find("requires the isolation layer landlock") != std::string::npos);
  }
  SECTION("there") {
    swarm.start({"--until-idle"});
    CHECK(swarm.wait() == 0);
  }
}

}  // namespace test
