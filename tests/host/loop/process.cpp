#include "loop/process.h"

#include <csignal>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "host/loop/run_process.h"
#include "loop/stream.h"
#include "support/guarded_loop.h"
#include "support/temporary_folder.h"

using clade::loop::Process;
using clade::loop::ProcessExit;
using clade::loop::ProcessOptions;
using clade::loop::Stream;
using test::run;

namespace {

ProcessOptions command(std::vector<std::string> arguments) {
  ProcessOptions options;
  options.arguments = std::move(arguments);
  return options;
}

ProcessOptions shell(const std::string& script) {
  return command({"sh", "-c", script});
}

std::string check_fails(ProcessOptions options, const std::string& code) {
  test::GuardedLoop loop;
  const auto process = Process::spawn(*loop, std::move(options), [](ProcessExit) { FAIL("it ran"); });
  REQUIRE_FALSE(process);
  CHECK(process.error().code == code);
  return process.error().message;
}

// A FIFO that processes hold open: its end tells that all of them are gone.
struct Tether {
  explicit Tether(test::GuardedLoop& loop) {
    REQUIRE(mkfifo((folder / "tether").c_str(), 0600) == 0);
    stream.emplace(*loop, open((folder / "tether").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    // Keeps the end away until the processes hold it.
    holder = open((folder / "tether").c_str(), O_WRONLY | O_CLOEXEC);
    REQUIRE(holder >= 0);
    stream->read([this](std::string_view bytes) { received += bytes; },
                 [this](const std::string&) { ended = true; });
  }
  void release() { close(holder); }

  test::TemporaryFolder folder;
  std::optional<Stream> stream;
  int holder = -1;
  std::string received;
  bool ended = false;
};

}  // namespace

TEST_CASE("a process reports its output and exit code", "[process]") {
  const auto ended = run(shell("echo out; echo error >&2; exit 3"));
  CHECK(ended.code == 3);
  CHECK(ended.signal == 0);
  CHECK(ended.out == "out\n");
  CHECK(ended.error == "error\n");
  CHECK_FALSE(ended.truncated);
  CHECK(run(command({"true"})).code == 0);
}

TEST_CASE("arguments are never seen by a shell", "[process]") {
  const auto ended = run(command({"printf", "%s|", "$HOME; rm -rf /", "`id`", "", "a b"}));
  CHECK(ended.out == "$HOME; rm -rf /|`id`||a b|");
}

TEST_CASE("a process gets its input, then the end of it", "[process]") {
  auto options = command({"cat"});
  CHECK(run(options).out.empty());
  options.input = std::string(900000, 'i') + "end";
  CHECK(run(options).out == options.input);
}

TEST_CASE("a process that does not read its input is not waited for", "[process]") {
  auto options = command({"true"});
  options.input = std::string(4u << 20, 'i');
  CHECK(run(options).code == 0);
}

TEST_CASE("the environment is the one given, all of it", "[process]") {
  ::setenv("CLADE_TEST_SECRET", "leaked", 1);
  auto options = command({"env"});
  options.environment = {"A=1", "B=two words"};
  CHECK(run(options).out == "A=1\nB=two words\n");
  options.environment.clear();
  CHECK(run(options).out.empty());
  ::unsetenv("CLADE_TEST_SECRET");
}

TEST_CASE("a program is looked up in the PATH it is given", "[process]") {
  const test::TemporaryFolder folder;
  REQUIRE(clade::write_file_atomic(folder / "greet", "#!/bin/sh\necho hello\n", 0755));
  REQUIRE(clade::write_file_atomic(folder / "plain", "no program", 0644));
  auto options = command({"greet"});
  check_fails(options, "not_found");
  options.environment = {"PATH=relative::" + folder.path()};
  CHECK(run(options).out == "hello\n");
  options.arguments = {"plain"};
  CHECK(check_fails(options, "not_found").find("plain") != std::string::npos);
  // Never from the working folder, unless the name says so.
  options.arguments = {"greet"};
  options.environment = {"PATH=.:"};
  options.folder = folder.path();
  check_fails(options, "not_found");
  options.arguments = {"./greet"};
  CHECK(run(options).out == "hello\n");
}

TEST_CASE("a process runs in the folder given", "[process]") {
  const test::TemporaryFolder folder;
  auto options = command({"pwd", "-P"});
  options.folder = folder.path();
  CHECK(run(options).out == folder.path() + "\n");
}

TEST_CASE("what cannot be started is said at once", "[process]") {
  CHECK(check_fails(command({"no-such-program"}), "not_found").find("no-such-program") != std::string::npos);
  CHECK(check_fails(command({"/no/such/program"}), "not_found").find("/no/such/program") !=
        std::string::npos);
  check_fails(command({""}), "not_found");
  check_fails(command({}), "invalid");
  check_fails(command({"/etc/passwd"}), "io");
  check_fails(command({"printf", std::string("a\0b", 3)}), "invalid");
  auto options = command({"true"});
  options.environment = {std::string("A=\0", 3)};
  check_fails(options, "invalid");
  options = command({"true"});
  options.folder = "/no/such/folder";
  CHECK(check_fails(options, "io").find("/no/such/folder") != std::string::npos);
}

TEST_CASE("output past the limit is read and dropped", "[process]") {
  auto options = shell("head -c 3000000 /dev/zero; echo -n 0123456789 >&2");
  options.output_bytes = 1000;
  auto ended = run(options);
  CHECK(ended.code == 0);
  CHECK(ended.out.size() == 1000);
  CHECK(ended.error == "0123456789");
  CHECK(ended.truncated);
  options = command({"printf", "%s", "0123456789"});
  options.output_bytes = 10;
  ended = run(options);
  CHECK(ended.out == "0123456789");
  CHECK_FALSE(ended.truncated);
}

TEST_CASE("death by a signal is told as such", "[process]") {
  const auto ended = run(shell("kill -9 $$"));
  CHECK(ended.signal == SIGKILL);
  CHECK(ended.code == 128 + SIGKILL);
}

TEST_CASE("signal handling starts anew in the child", "[process]") {
  // This process ignores SIGPIPE; the child must die of it.
  CHECK(run(shell("kill -PIPE $$; echo survived")).signal == SIGPIPE);
}

TEST_CASE("the host's descriptors stay out of the child", "[process]") {
  const int left_open = open("/dev/null", O_RDONLY);  // without O_CLOEXEC
  REQUIRE(left_open > 2);
  const auto ended = run(command({"ls", "/proc/self/fd"}));
  close(left_open);
  CHECK(ended.out == "0\n1\n2\n3\n");  // 3 is the folder that ls reads
}

TEST_CASE("a process leads a session of its own", "[process]") {
  test::GuardedLoop loop;
  ProcessExit ended;
  const auto process =
      Process::spawn(*loop, shell("cut -d ' ' -f 1,5,6 /proc/$$/stat"), [&](ProcessExit result) {
        ended = std::move(result);
        loop->stop();
      });
  REQUIRE(process);
  loop.run();
  const std::string pid = std::to_string(process->pid());
  CHECK(ended.out == pid + " " + pid + " " + pid + "\n");
}

TEST_CASE("CPU time is the process's own and its children's", "[process]") {
  const std::string busy = "i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done";
  CHECK(run(shell(busy)).cpu_us > 1000);
  CHECK(run(shell("sh -c '" + busy + "'; true")).cpu_us > 1000);
}

TEST_CASE("kill reaches the whole group and is reported", "[process]") {
  test::GuardedLoop loop;
  std::optional<ProcessExit> ended;
  auto process = Process::spawn(*loop, shell("sleep 1000 & wait"), [&](ProcessExit result) {
    ended = std::move(result);
    loop->stop();
  });
  REQUIRE(process);
  process->kill(SIGTERM);
  loop.run();
  CHECK(ended->signal == SIGTERM);
  process->kill(SIGTERM);  // nobody is there any more
}

TEST_CASE("destroying a process kills its group and reports nothing", "[process]") {
  test::GuardedLoop loop;
  Tether tether(loop);
  auto options = shell("exec 5> tether; sleep 1000 & echo ready >&5; wait");
  options.folder = tether.folder.path();
  auto process = Process::spawn(*loop, std::move(options), [](ProcessExit) { FAIL("it was reported"); });
  REQUIRE(process);
  loop.run_until([&] { return tether.received == "ready\n"; });
  tether.release();
  process = clade::failure("", "");
  loop.run_until([&] { return tether.ended; });
}

TEST_CASE("a process whose loop ends right after it is still reaped", "[process]") {
  test::GuardedLoop loop;
  const auto process = Process::spawn(*loop, command({"sleep", "1000"}), [](ProcessExit) {});
  REQUIRE(process);
}

TEST_CASE("a process may be destroyed by its own report", "[process]") {
  test::GuardedLoop loop;
  std::optional<Process> process;
  bool after = false;
  auto spawned = Process::spawn(*loop, command({"true"}), [&, owned = std::string(100, 'x')](ProcessExit) {
    process.reset();
    after = owned.size() == 100;
    loop->stop();
  });
  REQUIRE(spawned);
  process.emplace(std::move(*spawned));
  loop.run();
  CHECK(after);
}

TEST_CASE("a descendant that keeps the output open delays the report only a little, and is ended",
          "[process]") {
  test::GuardedLoop loop;
  Tether tether(loop);
  auto options = shell("exec 5> tether; sleep 1000 & echo out; echo ready >&5; exit 4");
  options.folder = tether.folder.path();
  std::optional<ProcessExit> ended;
  const auto process =
      Process::spawn(*loop, std::move(options), [&](ProcessExit result) { ended = std::move(result); });
  REQUIRE(process);
  loop.run_until([&] { return tether.received == "ready\n"; });
  tether.release();
  loop.run_until([&] { return ended.has_value(); });
  CHECK(ended->code == 4);
  CHECK(ended->out == "out\n");
  loop.run_until([&] { return tether.ended; });
}

TEST_CASE("many processes at once are told apart", "[process]") {
  test::GuardedLoop loop;
  constexpr int kProcesses = 30;
  std::vector<Process> processes;
  std::vector<int> codes(kProcesses, -1);
  int ended = 0;
  for (int number = 0; number < kProcesses; ++number) {
    auto process =
        Process::spawn(*loop, shell("exit " + std::to_string(number)), [&, number](ProcessExit result) {
          codes[static_cast<size_t>(number)] = result.code;
          ++ended;
        });
    REQUIRE(process);
    processes.push_back(std::move(*process));
  }
  loop.run_until([&] { return ended == kProcesses; });
  for (int number = 0; number < kProcesses; ++number) CHECK(codes[static_cast<size_t>(number)] == number);
}
