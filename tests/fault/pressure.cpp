// A real host whose producers are far ahead of its consumers: memory stays flat, and what was acknowledged is
// there.
#include <fstream>
#include <string>

#include <catch2/catch.hpp>
#include <sys/socket.h>
#include <unistd.h>

#include "loop/local_socket.h"
#include "small_swarm.h"
#include "support/command.h"

namespace test {
namespace {

// Of the host alone, in KB.
long resident_kb(pid_t host) {
  std::ifstream status("/proc/" + std::to_string(host) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmRSS:", 0) == 0) return std::stol(line.substr(6));
  }
  FAIL("the host is gone");
  return 0;
}

// Asks the host for so many tasks without waiting for an answer in between, then reads all answers.
void add(const std::string& folder, int count, size_t bytes) {
  auto socket = clade::loop::connect_local(folder + "/.clade/socket");
  REQUIRE(socket);
  const std::string request = R"({"command":"task.add","args":{"type":"wait","payload":{"text":")" +
                              std::string(bytes, 'x') + "\"}}}\n";
  std::string answers;
  std::string buffer(65536, '\0');
  const auto receive = [&](int flags) {
    const ssize_t size = ::recv(socket->get(), buffer.data(), buffer.size(), flags);
    if (size > 0) answers.append(buffer, 0, static_cast<size_t>(size));
    return size > 0;
  };
  int accepted = 0;
  const auto count_answers = [&] {
    for (size_t end = answers.find('\n'); end != std::string::npos; end = answers.find('\n')) {
      REQUIRE(answers.substr(0, end).find(R"("ok":true)") != std::string::npos);
      answers.erase(0, end + 1);
      ++accepted;
    }
  };
  for (int sent = 0; sent < count; ++sent) {
    for (size_t done = 0; done < request.size();) {
      const ssize_t size = ::send(socket->get(), request.data() + done, request.size() - done, MSG_NOSIGNAL);
      REQUIRE(size > 0);
      done += static_cast<size_t>(size);
    }
    while (receive(MSG_DONTWAIT)) continue;
    count_answers();
  }
  while (accepted < count) {
    REQUIRE(receive(0));
    count_answers();
  }
}

}  // namespace

TEST_CASE("what is added far faster than it is worked off takes disk, not memory") {
  constexpr int kTasks = 6000;
  constexpr size_t kBytes = 32768;
  constexpr long kMostKb = 96 * 1024;  // of 192 MB; what memory may hold is a sixth of this
  Swarm swarm;
  write_swarm(swarm, R"lua(
return { api = 1, tasks = { "wait" }, on_task = function() clade.sleep(86400000) end }
)lua");
  swarm.start();
  swarm.until_up();
  const long before = resident_kb(swarm.pid());
  add(swarm.path(), kTasks, kBytes);
  const long added = resident_kb(swarm.pid());
  INFO(before << " KB before, " << added << " KB after " << kTasks * kBytes / 1024 << " KB of payloads");
  CHECK(added - before < kMostKb);
  CHECK(swarm.count("SELECT count(*) FROM task WHERE state IN ('queued', 'executing')") == kTasks);
  swarm.kill();
  swarm.start();
  swarm.until_up();
  CHECK(resident_kb(swarm.pid()) - before < kMostKb);
  CHECK(swarm.json({"status"})["queue"]["queued"].as_integer() == kTasks - 1);
}

}  // namespace test
