#include "loop/keeper.h"

#include <csignal>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "host/loop/run_process.h"
#include "loop/process.h"
#include "support/guarded_loop.h"
#include "support/temporary_folder.h"

using clade::loop::Keeper;
using clade::loop::Process;
using clade::loop::ProcessExit;
using clade::loop::ProcessOptions;
using test::run;

namespace {

constexpr int kPatienceMs = 60000;

ProcessOptions kept(std::vector<std::string> arguments) {
  ProcessOptions options;
  options.arguments = std::move(arguments);
  options.keeper = Keeper{CLADE_BINARY};
  return options;
}

ProcessOptions shell(const std::string& script) {
  return kept({"sh", "-c", script});
}

// A FIFO that a command and all that it starts hold open as descriptor 5: `tether` in its folder. Beside it
// `leash`: `cat leash` ends with the test, should nothing end it before.
class Tether {
 public:
  Tether() {
    for (const char* name : {"tether", "leash"}) REQUIRE(mkfifo((folder_ / name).c_str(), 0600) == 0);
    writer_ = open((folder_ / "leash").c_str(), O_RDWR | O_CLOEXEC);
    REQUIRE(writer_ >= 0);
    reader_ = open((folder_ / "tether").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    REQUIRE(reader_ >= 0);
  }
  ~Tether() {
    close(reader_);
    close(writer_);
  }
  Tether(const Tether&) = delete;
  Tether& operator=(const Tether&) = delete;

  const std::string& folder() const { return folder_.path(); }
  ProcessOptions command(const std::string& script) const {
    auto options = shell("exec 5> tether; " + script);
    options.folder = folder();
    return options;
  }
  // Waits for a line.
  std::string line() const {
    std::string text;
    while (text.empty() || text.back() != '\n') {
      pollfd entry{reader_, POLLIN, 0};
      REQUIRE(poll(&entry, 1, kPatienceMs) == 1);
      char letter = 0;
      if (read(reader_, &letter, 1) == 1) text += letter;
    }
    return text.substr(0, text.size() - 1);
  }
  // Does nobody hold it any more?
  bool ended() const {
    char letter = 0;
    return read(reader_, &letter, 1) == 0;
  }

 private:
  test::TemporaryFolder folder_;
  int reader_ = -1;
  int writer_ = -1;
};

int lock(int descriptor, int command) {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return fcntl(descriptor, command, &lock);
}

int open_lock(const Tether& tether) {
  return open((tether.folder() + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

// A process that stands for the host: it holds the lock in the tether's folder and runs `script`.
pid_t start_host(const Tether& tether, const std::string& script) {
  const pid_t host = fork();
  REQUIRE(host >= 0);
  if (host > 0) return host;
  const int held = open_lock(tether);
  if (lock(held, F_OFD_SETLK) != 0) _exit(1);
  clade::loop::Loop loop;
  auto options = tether.command(script);
  options.keeper->held = held;
  const auto process = Process::spawn(loop, std::move(options), [](ProcessExit) {});
  if (!process) _exit(1);
  loop.run();
  _exit(1);
}

}  // namespace

TEST_CASE("a program with a keeper reports as one without", "[keeper]") {
  const auto ended = run(shell("echo out; echo error >&2; exit 3"));
  CHECK(ended.code == 3);
  CHECK(ended.signal == 0);
  CHECK(ended.out == "out\n");
  CHECK(ended.error == "error\n");
  CHECK_FALSE(ended.failure);
  const auto killed = run(shell("kill -9 $$"));
  CHECK(killed.signal == SIGKILL);
  CHECK(killed.code == 128 + SIGKILL);
  auto options = kept({"cat"});
  options.input = std::string(900000, 'i') + "end";
  CHECK(run(options).out == options.input);
  options = kept({"true"});
  options.input = std::string(4u << 20, 'i');  // which nobody reads
  CHECK(run(options).code == 0);
  options = kept({"env"});
  options.environment = {"A=1", "B=two words"};
  CHECK(run(options).out == "A=1\nB=two words\n");
  CHECK(run(kept({"printf", "%s|", "a b", "", "$HOME"})).out == "a b||$HOME|");
}

TEST_CASE("a program with a keeper counts its own CPU time", "[keeper]") {
  const std::string busy = "i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done";
  CHECK(run(shell("sh -c '" + busy + "'; true")).cpu_us > 1000);
}

TEST_CASE("a program with a keeper has its signals and descriptors to itself", "[keeper]") {
  // As of a program that the host starts itself: this process ignores SIGPIPE, the keeper blocks all signals.
  auto options = kept({"grep", "-E", "^Sig(Blk|Ign|Cgt)", "/proc/self/status"});
  // Signals 1 to 28: 32 and 33 are glibc's own.
  const auto signals = [&] {
    return std::regex_replace(run(options).out, std::regex("[0-9a-f]{9}([0-9a-f]{7})"), "$1");
  };
  const std::string kept_signals = signals();
  CHECK(kept_signals.find("SigBlk:\t0000000\n") != std::string::npos);
  options.keeper.reset();
  CHECK(kept_signals == signals());
  const test::TemporaryFolder folder;
  for (const int held : {-1, open((folder / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)}) {
    options = kept({"ls", "/proc/self/fd"});
    options.keeper->held = held;
    CHECK(run(options).out == "0\n1\n2\n3\n");  // 3 is the folder that ls reads
    if (held >= 0) close(held);
  }
}

TEST_CASE("a program with a keeper that cannot be run is reported", "[keeper]") {
  auto ended = run(kept({"/etc/passwd"}));
  REQUIRE(ended.failure);
  CHECK(ended.failure->code == "io");
  CHECK(ended.failure->message == "cannot run /etc/passwd: Permission denied");
  ended = run(kept({"/no/such/program"}));
  REQUIRE(ended.failure);
  CHECK(ended.failure->code == "not_found");
  CHECK(ended.failure->message.find("/no/such/program") != std::string::npos);
  test::GuardedLoop loop;
  const auto process = Process::spawn(*loop, kept({"no-such-program"}), [](ProcessExit) { FAIL("it ran"); });
  REQUIRE_FALSE(process);
  CHECK(process.error().code == "not_found");
  auto options = kept({"true"});
  options.keeper->executable = "/no/such/keeper";
  CHECK_FALSE(Process::spawn(*loop, options, [](ProcessExit) { FAIL("it ran"); }));
}

TEST_CASE("a signal to a program with a keeper reaches its whole group", "[keeper]") {
  const Tether tether;
  test::GuardedLoop loop;
  std::optional<ProcessExit> ended;
  auto process = Process::spawn(*loop, tether.command("cat leash & echo ready >&5; wait"),
                                [&](ProcessExit result) { ended = std::move(result); });
  REQUIRE(process);
  CHECK(tether.line() == "ready");
  process->kill(SIGTERM);
  loop.run_until([&] { return ended.has_value(); });
  CHECK(ended->signal == SIGTERM);
  CHECK(tether.ended());
  process->kill(SIGTERM);  // nobody is there any more
}

TEST_CASE("what a program with a keeper leaves in its group is gone when it is reported", "[keeper]") {
  const Tether tether;
  const auto ended = run(tether.command("cat leash & echo out; exit 4"));
  CHECK(ended.code == 4);
  CHECK(ended.out == "out\n");
  CHECK(tether.ended());
}

TEST_CASE("what has left the group and does not reap its children holds nobody up", "[keeper]") {
  const Tether tether;
  // The inner cat stays in the group; its parent leaves it and never looks after it.
  const auto result = run(tether.command("(cat leash & exec setsid cat leash) & echo done"));
  CHECK(result.code == 0);
  CHECK(result.out == "done\n");
}

TEST_CASE("a program that stops its keeper is killed and reported all the same", "[keeper]") {
  const Tether tether;
  test::GuardedLoop loop;
  std::optional<ProcessExit> ended;
  auto process = Process::spawn(*loop, tether.command("kill -STOP $PPID; echo stopped >&5; cat leash"),
                                [&](ProcessExit result) {
                                  ended = std::move(result);
                                  loop->stop();
                                });
  REQUIRE(process);
  CHECK(tether.line() == "stopped");
  const bool told = GENERATE(false, true);
  if (told) {
    // What the host has heard by then decides which way the signal goes.
    loop->post([&] { loop->post([&] { process->kill(SIGKILL); }); });
  } else {
    process->kill(SIGKILL);
  }
  loop.run();
  CHECK(ended->signal == SIGKILL);
  CHECK(tether.ended());
}

TEST_CASE("a program with a keeper goes with its Process", "[keeper]") {
  const Tether tether;
  {
    test::GuardedLoop loop;
    auto process = Process::spawn(*loop, tether.command("cat leash & echo ready >&5; wait"),
                                  [](ProcessExit) { FAIL("it was reported"); });
    REQUIRE(process);
    CHECK(tether.line() == "ready");
    process = clade::failure("", "");
  }
  CHECK(tether.ended());
}

TEST_CASE("a program whose keeper is killed is reported, and its group killed", "[keeper]") {
  const Tether tether;
  const auto ended = run(tether.command("cat leash & kill -9 $PPID; wait"));
  CHECK(ended.signal == SIGKILL);
  test::GuardedLoop loop;
  loop.run_until([&] { return tether.ended(); });
}

TEST_CASE("a command dies with the host, and its lock is held until it is dead", "[keeper]") {
  const Tether tether;
  const pid_t host = start_host(tether, "cat leash & cat leash & echo $PPID >&5; wait");
  const pid_t keeper = std::stoi(tether.line());
  const int held = open_lock(tether);
  // Stopped, it cannot be quicker than what is looked at.
  REQUIRE(kill(keeper, SIGSTOP) == 0);
  kill(host, SIGKILL);
  REQUIRE(waitpid(host, nullptr, 0) == host);
  CHECK(lock(held, F_OFD_SETLK) != 0);
  CHECK_FALSE(tether.ended());
  REQUIRE(kill(keeper, SIGCONT) == 0);
  REQUIRE(lock(held, F_OFD_SETLKW) == 0);
  CHECK(tether.ended());
  close(held);
}

TEST_CASE("what a command leaves in a session of its own does not hold the lock", "[keeper]") {
  const Tether tether;
  const pid_t host = start_host(tether, "setsid sh -c 'echo $$ >&5; exec 5>&-; exec cat leash' & wait");
  const pid_t left = std::stoi(tether.line());
  const int held = open_lock(tether);
  kill(host, SIGKILL);
  REQUIRE(waitpid(host, nullptr, 0) == host);
  CHECK(lock(held, F_OFD_SETLKW) == 0);
  CHECK(kill(left, SIGKILL) == 0);
  close(held);
}
