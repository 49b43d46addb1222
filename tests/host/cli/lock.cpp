#include "cli/lock.h"

#include <array>
#include <atomic>
#include <csignal>
#include <optional>
#include <thread>

#include <catch2/catch.hpp>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "support/temporary_folder.h"

namespace clade::cli {
namespace {

// A dead host (a zombie even, while this lives) whose lock is held by a process that it started.
class Remains {
 public:
  explicit Remains(const std::string& folder) {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    host_ = fork();
    REQUIRE(host_ >= 0);
    if (host_ == 0) {
      auto lock = Lock::acquire(folder);
      const pid_t left = fork();
      if (left != 0) (void)!write(ends[1], &left, sizeof left);
      for (;;) pause();
    }
    REQUIRE(read(ends[0], &left_, sizeof left_) == sizeof left_);
    close(ends[0]);
    close(ends[1]);
    kill(host_, SIGKILL);
    siginfo_t ended{};
    REQUIRE(waitid(P_PID, static_cast<id_t>(host_), &ended, WEXITED | WNOWAIT) == 0);
  }
  ~Remains() {
    release();
    waitpid(host_, nullptr, 0);
  }
  Remains(const Remains&) = delete;
  Remains& operator=(const Remains&) = delete;

  void release() { kill(left_, SIGKILL); }
  int host() const { return host_; }
  int left() const { return left_; }

 private:
  pid_t host_ = -1;
  pid_t left_ = -1;
};

TEST_CASE("one host per swarm, a second one is told who holds it and how to stop it") {
  const test::TemporaryFolder folder;
  CHECK(Lock::holder(folder.path()) == 0);
  std::optional<Lock> lock;
  {
    auto acquired = Lock::acquire(folder.path());
    REQUIRE(acquired.has_value());
    lock.emplace(std::move(*acquired));
  }
  CHECK(Lock::holder(folder.path()) == getpid());

  const auto second = Lock::acquire(folder.path());
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error().code == "conflict");
  CHECK(second.error().message.find("process " + std::to_string(getpid())) != std::string::npos);
  CHECK(second.error().message.find("clade stop") != std::string::npos);
  // The loser leaves what the winner wrote.
  CHECK(Lock::holder(folder.path()) == getpid());

  lock.reset();
  CHECK(Lock::holder(folder.path()) == 0);
  CHECK(Lock::acquire(folder.path()).has_value());
}

TEST_CASE("the state's folder is its owner's alone") {
  const test::TemporaryFolder folder;
  REQUIRE(Lock::acquire(folder.path()).has_value());
  struct stat found {};
  REQUIRE(stat((folder / ".clade").c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0700);
  REQUIRE(stat((folder / ".clade/lock").c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0600);
}

TEST_CASE("a killed holder holds nothing any more") {
  const test::TemporaryFolder folder;
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  if (child == 0) {
    auto lock = Lock::acquire(folder.path());
    (void)!write(ends[1], lock ? "y" : "n", 1);
    for (;;) pause();
  }
  char word = 0;
  REQUIRE(read(ends[0], &word, 1) == 1);
  CHECK(word == 'y');
  CHECK(Lock::holder(folder.path()) == child);
  kill(child, SIGKILL);
  Lock::wait_until_free(folder.path());
  CHECK(Lock::holder(folder.path()) == 0);
  CHECK(Lock::acquire(folder.path()).has_value());
  waitpid(child, nullptr, 0);
  close(ends[0]);
  close(ends[1]);
}

TEST_CASE("what a dead host left behind is waited for") {
  const test::TemporaryFolder folder;
  Remains remains(folder.path());
  CHECK(Lock::holder(folder.path()) == 0);
  // Each look at the lock that is not free reads the file.
  const int looks = inotify_init1(IN_CLOEXEC);
  REQUIRE(inotify_add_watch(looks, (folder / ".clade/lock").c_str(), IN_ACCESS) >= 0);
  std::optional<Result<Lock>> acquired;
  std::atomic<bool> done = false;
  std::thread next([&] {
    acquired.emplace(Lock::acquire(folder.path(), 60000));
    done = true;
  });
  int looked = 0;
  while (looked < 2 && !done) {
    pollfd entry{looks, POLLIN, 0};
    if (poll(&entry, 1, 10) != 1) continue;
    std::array<char, 4096> event{};
    if (read(looks, event.data(), event.size()) > 0) ++looked;
  }
  CHECK_FALSE(done);
  remains.release();
  next.join();
  close(looks);
  INFO((*acquired ? "" : acquired->error().message));
  CHECK(acquired->has_value());
  CHECK(Lock::holder(folder.path()) == getpid());
}

TEST_CASE("what a dead host left behind is named when it stays") {
  const test::TemporaryFolder folder;
  const Remains remains(folder.path());
  const auto lock = Lock::acquire(folder.path(), 0);
  REQUIRE_FALSE(lock.has_value());
  CHECK(lock.error().code == "conflict");
  const std::string& message = lock.error().message;
  INFO(message);
  CHECK(message.find("(process " + std::to_string(remains.host()) + ") is gone") != std::string::npos);
  CHECK(message.find("by process " + std::to_string(remains.left()) + " (") != std::string::npos);
}

TEST_CASE("a folder that cannot be written is named") {
  const auto lock = Lock::acquire("/proc");
  REQUIRE_FALSE(lock.has_value());
  CHECK(lock.error().code == "io");
  CHECK(lock.error().message.find("/proc/.clade") != std::string::npos);
}

}  // namespace
}  // namespace clade::cli
