// kill -9 of the host at chosen and at arbitrary moments: what was acknowledged is there, what was finished
// is not done again, what was not committed never happened.
#include <array>
#include <csignal>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "small_swarm.h"
#include "support/command.h"

namespace test {
namespace {

// Ten evaluations one after the other; each counts itself in the ledger when it is finished.
constexpr const char* kTen = R"lua(
return {
  api = 1, tasks = { "ten" }, state = { done = 0 },
  on_task = function(self, task)
    local sum = 0
    for n = 1, 10 do
      local result = clade.cell.eval { source = "count(1) local x = 0 for i = 1, 2e7 do x = x + i % 7 end return ...",
        entry = nil, args = { n }, cpu_ms = 20000, wall_ms = 60000 }
      assert(result.ok, result.error)
      sum = sum + n
      clade.log("finished " .. n)
    end
    self.state.done = self.state.done + 1
    clade.mail.send { to = "agent:two", kind = "sum", body = sum }
    return sum
  end,
}
)lua";

constexpr const char* kListener = R"lua(
return { api = 1, state = { heard = 0 },
  on_mail = function(self, message) self.state.heard = self.state.heard + message.body end }
)lua";

// A process that is stopped for as long as this lives.
class Stopped {
 public:
  explicit Stopped(pid_t pid) : pid_(pid) { REQUIRE(::kill(pid_, SIGSTOP) == 0); }
  ~Stopped() { ::kill(pid_, SIGCONT); }
  Stopped(const Stopped&) = delete;
  Stopped& operator=(const Stopped&) = delete;

 private:
  pid_t pid_;
};

}  // namespace

TEST_CASE("a host that is killed in the middle goes on where it was and repeats no finished evaluation") {
  Swarm swarm;
  write_swarm(swarm, kTen, kListener);
  swarm.start();
  swarm.until_up();
  swarm.clade({"task", "add", "ten"});
  int64_t finished = 0;
  for (const int64_t at_least : {2, 4, 7}) {
    swarm.until_count("SELECT count(*) FROM journal WHERE status = 'done'", at_least);
    swarm.kill();
    finished = swarm.count("SELECT count(*) FROM journal WHERE status = 'done'");
    REQUIRE(finished < 10);
    swarm.start();
  }
  swarm.until_count("SELECT count(*) FROM task WHERE state = 'completed'", 1);
  swarm.until_count("SELECT count(*) FROM agent WHERE name = 'two'", 1);
  CHECK(swarm.count("SELECT count(*) FROM journal") == 10);
  CHECK(swarm.count("SELECT sum(units) FROM ledger") == 10);
  CHECK(swarm.count("SELECT count(*) FROM ledger") == 10);
  CHECK(swarm.text("SELECT result FROM task") == "55");
  CHECK(swarm.count("SELECT count(*) FROM run WHERE agent = 'one'") == 1);
  CHECK(swarm.text("SELECT state FROM agent WHERE name = 'one'") == "{\"done\":1}");
  CHECK(swarm.text("SELECT state FROM agent WHERE name = 'two'") == "{\"heard\":55}");
}

TEST_CASE("every task that was acknowledged is there after a kill, and no other") {
  Swarm swarm;
  write_swarm(swarm, "return { api = 1, tasks = { 'note' }, on_task = function() end }\n");
  swarm.start();
  swarm.until_up();
  int64_t acknowledged = 0;
  for (int round = 0; round < 5; ++round) {
    for (int n = 0; n < 4; ++n) {
      swarm.clade({"task", "add", "note"});
      ++acknowledged;
    }
    swarm.kill();
    CHECK(swarm.count("SELECT count(*) FROM task") == acknowledged);
    swarm.start();
    swarm.until_up();
  }
  swarm.until_count("SELECT count(*) FROM task WHERE state = 'completed'", acknowledged);
  CHECK(swarm.count("SELECT count(*) FROM task") == acknowledged);
}

TEST_CASE("a command that a crash cut off has an unknown outcome and is not run again") {
  Swarm swarm;
  write_swarm(swarm, R"lua(
return { api = 1, tasks = { "append" },
  on_task = function(self, task)
    local result, message, code = clade.process.run { "sh", "-c", "echo once >> witness; while [ -e witness ]; do sleep 0.05; done" }
    return { code = code, result = result }
  end }
)lua");
  swarm.start();
  swarm.until_up();
  swarm.clade({"task", "add", "append"});
  swarm.until([&] { return swarm.read("witness") == "once\n"; });
  swarm.kill();
  swarm.start();
  swarm.until_count("SELECT count(*) FROM task WHERE state = 'completed'", 1);
  CHECK(swarm.read("witness") == "once\n");
  CHECK(swarm.text("SELECT result FROM task").find("outcome_unknown") != std::string::npos);
}

TEST_CASE("a command that a crash cut off is dead before the next host goes on") {
  Swarm swarm;
  write_swarm(swarm, R"lua(
return { api = 1, tasks = { "linger" },
  on_task = function(self, task)
    local script = "exec 5> tether; cat leash & echo $PPID >&5; wait"
    local result, message, code = clade.process.run { "sh", "-c", script }
    return code
  end }
)lua");
  // All of the command hold its other end: no writer is left when they are dead. `cat leash` ends with the
  // test, should nothing end it before.
  for (const char* name : {"/tether", "/leash"}) REQUIRE(mkfifo((swarm.path() + name).c_str(), 0600) == 0);
  const int tether = open((swarm.path() + "/tether").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  const int leash = open((swarm.path() + "/leash").c_str(), O_RDWR | O_CLOEXEC);
  swarm.start();
  swarm.until_up();
  swarm.clade({"task", "add", "linger"});
  std::string keeper;
  char letter = 0;
  swarm.until([&] {
    if (read(tether, &letter, 1) == 1) keeper += letter;
    return letter == '\n';
  });
  // Stopped, it cannot be quicker than the next host, which waits: each time that it looks at the lock it
  // reads the file.
  int looked = 0;
  {
    const Stopped stopped(std::stoi(keeper));
    swarm.kill();
    const int looks = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    REQUIRE(inotify_add_watch(looks, (swarm.path() + "/.clade/lock").c_str(), IN_ACCESS) >= 0);
    swarm.start();
    swarm.until([&] {
      std::array<char, 4096> event{};
      if (read(looks, event.data(), event.size()) > 0) ++looked;
      return looked >= 2 || swarm.count("SELECT count(*) FROM task WHERE state = 'completed'") > 0;
    });
    close(looks);
  }
  CHECK(looked >= 2);
  swarm.until_count("SELECT count(*) FROM task WHERE state = 'completed'", 1);
  CHECK(read(tether, &letter, 1) == 0);
  CHECK(swarm.text("SELECT result FROM task").find("outcome_unknown") != std::string::npos);
  for (const int descriptor : {tether, leash}) close(descriptor);
}

TEST_CASE("SIGTERM ends the host in order, and the next one goes on") {
  Swarm swarm;
  write_swarm(swarm, kTen, kListener);
  swarm.start();
  swarm.until_up();
  swarm.clade({"task", "add", "ten"});
  swarm.until_count("SELECT count(*) FROM journal WHERE status = 'done'", 3);
  swarm.signal(SIGTERM);
  CHECK(swarm.wait() == 0);
  CHECK(swarm.count("SELECT count(*) FROM task WHERE state = 'executing'") == 1);
  swarm.start({"--until-idle"});
  CHECK(swarm.wait() == 0);
  CHECK(swarm.count("SELECT sum(units) FROM ledger") == 10);
  CHECK(swarm.text("SELECT state FROM task") == "completed");
}

TEST_CASE("a second host on the same folder is refused and told who holds it") {
  Swarm swarm;
  write_swarm(swarm, "return { api = 1, on_mail = function() end }\n");
  swarm.start();
  swarm.until_up();
  const auto second = run_clade({"run", swarm.path()});
  CHECK(second.exit == 1);
  CHECK(second.err.find(std::to_string(swarm.pid())) != std::string::npos);
}

}  // namespace test
