#include "cli/lock.h"

#include <optional>

#include <catch2/catch.hpp>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "support/temporary_folder.h"

namespace clade::cli {
namespace {

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

TEST_CASE("a folder that cannot be written is named") {
  const auto lock = Lock::acquire("/proc");
  REQUIRE_FALSE(lock.has_value());
  CHECK(lock.error().code == "io");
  CHECK(lock.error().message.find("/proc/.clade") != std::string::npos);
}

}  // namespace
}  // namespace clade::cli
