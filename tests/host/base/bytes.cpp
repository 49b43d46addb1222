#include "base/bytes.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/temporary_folder.h"

using namespace std::string_literals;

namespace {

mode_t mode_of(const std::string& path) {
  struct stat found {};
  REQUIRE(stat(path.c_str(), &found) == 0);
  return found.st_mode & 07777;
}

std::vector<std::string> entries(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

TEST_CASE("a pipe keeps nobody who wants a file waiting") {
  const test::TemporaryFolder folder;
  REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
  const auto text = clade::read_file(folder / "pipe");
  REQUIRE_FALSE(text);
  CHECK(text.error().message.find("it is a pipe") != std::string::npos);
}

TEST_CASE("a hash is the BLAKE2b-256 of the bytes", "[bytes]") {
  CHECK(clade::content_hash("") == "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
  CHECK(clade::content_hash("abc") == "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
  CHECK(clade::content_hash("a\0b"s) != clade::content_hash("a"));
  CHECK(clade::short_hash(clade::content_hash("abc")) == "bddd813c6342");
}

TEST_CASE("a written file is read back whole", "[bytes]") {
  const test::TemporaryFolder folder;
  const std::string bytes = std::string(200000, 'x') + "\0\xff"s;
  REQUIRE(clade::write_file_atomic(folder / "a", bytes));
  CHECK(clade::read_file(folder / "a") == bytes);
  REQUIRE(clade::write_file_atomic(folder / "a", "short"));
  CHECK(clade::read_file(folder / "a") == "short"s);
  REQUIRE(clade::write_file_atomic(folder / "empty", ""));
  CHECK(clade::read_file(folder / "empty") == ""s);
}

TEST_CASE("writing leaves nothing beside the file, whether it worked or not", "[bytes]") {
  const test::TemporaryFolder folder;
  REQUIRE(clade::write_file_atomic(folder / "a", "1"));
  REQUIRE(clade::make_folders(folder / "taken/below"));
  const auto refused =
      clade::write_file_atomic(folder / "taken", "1");  // a folder cannot be replaced by a file
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find(folder / "taken") != std::string::npos);
  CHECK(entries(folder.path()) == std::vector<std::string>{"a", "taken"});
}

TEST_CASE("what a writer left that was killed goes with the next write of the same file", "[bytes]") {
  const test::TemporaryFolder folder;
  const pid_t writer = fork();
  if (writer == 0) {
    // Dies in the middle, of SIGXFSZ.
    std::signal(SIGXFSZ, SIG_DFL);
    const rlimit file{1000, 1000};
    const rlimit core{0, 0};
    setrlimit(RLIMIT_CORE, &core);
    setrlimit(RLIMIT_FSIZE, &file);
    (void)clade::write_file_atomic(folder / "a", std::string(5000, 'x'));
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(writer, &status, 0) == writer);
  REQUIRE(WIFSIGNALED(status));
  REQUIRE(entries(folder.path()).size() == 1);
  const std::string left = entries(folder.path()).front();
  REQUIRE(clade::write_file_atomic(folder / "a", "whole"));
  CHECK(entries(folder.path()) == std::vector<std::string>{"a"});

  // Whatever else is there is not written through.
  REQUIRE(clade::write_file_atomic(folder / "victim", "untouched"));
  std::filesystem::create_symlink(folder / "victim", folder / left);
  REQUIRE(clade::write_file_atomic(folder / "a", "again"));
  std::filesystem::create_hard_link(folder / "victim", folder / left);
  REQUIRE(clade::write_file_atomic(folder / "a", "and again"));
  CHECK(clade::read_file(folder / "victim") == "untouched"s);
  CHECK(entries(folder.path()) == std::vector<std::string>{"a", "victim"});

  // One that is being written is left alone.
  const int other = open((folder / left).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  REQUIRE(flock(other, LOCK_EX) == 0);
  const auto refused = clade::write_file_atomic(folder / "a", "third");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == "io");
  CHECK(clade::read_file(folder / "a") == "and again"s);
  close(other);
  CHECK(clade::write_file_atomic(folder / "a", "third"));
}

TEST_CASE("a file below a folder is written there and nowhere else", "[bytes]") {
  const test::TemporaryFolder folder;
  const test::TemporaryFolder elsewhere;
  REQUIRE(clade::write_file_below(folder.path(), "a/b/c", "deep"));
  CHECK(clade::read_file(folder / "a/b/c") == "deep"s);
  CHECK(mode_of(folder / "a/b") == 0755);
  REQUIRE(clade::write_file_below(folder.path(), "a/b/c", "again"));
  CHECK(clade::read_file(folder / "a/b/c") == "again"s);
  std::filesystem::create_directory_symlink(elsewhere.path(), folder / "out");
  std::filesystem::create_symlink(elsewhere / "file", folder / "link");
  for (const char* path : {"out/x", "out/x/y", "../x", "a/../../x", "/x", "a//x", "a/", "a", "a/b/c/d", ""}) {
    CAPTURE(path);
    const auto refused = clade::write_file_below(folder.path(), path, "planted");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == "refused");
    CHECK(clade::check_file_below(folder.path(), path).error().message == refused.error().message);
  }
  // A link of this very name is replaced like any other file.
  CHECK(clade::write_file_below(folder.path(), "link", "mine"));
  CHECK(clade::read_file(folder / "link") == "mine"s);
  CHECK(entries(elsewhere.path()).empty());
  CHECK(clade::check_file_below(folder / "not/there/yet", "a/b"));
}

TEST_CASE("a reader that holds the old file keeps it", "[bytes]") {
  const test::TemporaryFolder folder;
  REQUIRE(clade::write_file_atomic(folder / "a", "old"));
  std::filesystem::create_hard_link(folder / "a", folder / "held");
  REQUIRE(clade::write_file_atomic(folder / "a", "new"));
  CHECK(clade::read_file(folder / "held") == "old"s);
}

TEST_CASE("a private file is private from the start", "[bytes]") {
  const test::TemporaryFolder folder;
  REQUIRE(clade::write_file_atomic(folder / "secret", "x", 0600));
  CHECK(mode_of(folder / "secret") == 0600);
}

TEST_CASE("reading reports what is wrong and where", "[bytes]") {
  const test::TemporaryFolder folder;
  const auto absent = clade::read_file(folder / "absent");
  REQUIRE_FALSE(absent);
  CHECK(absent.error().code == "not_found");
  CHECK(absent.error().message.find(folder / "absent") != std::string::npos);
  CHECK(absent.error().message.find("No such file") != std::string::npos);

  const auto directory = clade::read_file(folder.path());
  REQUIRE_FALSE(directory);
  CHECK(directory.error().code == "io");

  REQUIRE(clade::write_file_atomic(folder / "large", std::string(101, 'x')));
  const auto large = clade::read_file(folder / "large", 100);
  REQUIRE_FALSE(large);
  CHECK(large.error().code == "limit");
  CHECK(clade::read_file(folder / "large", 101));
  // A file without end is given up at the limit.
  const auto endless = clade::read_file("/dev/zero", 1000);
  REQUIRE_FALSE(endless);
  CHECK(endless.error().code == "limit");
}

TEST_CASE("folders are made with their parents, and again without complaint", "[bytes]") {
  const test::TemporaryFolder folder;
  REQUIRE(clade::make_folders(folder / "a/b/c", 0700));
  CHECK(mode_of(folder / "a/b/c") == 0700);
  CHECK(clade::make_folders(folder / "a/b/c"));
  REQUIRE(clade::write_file_atomic(folder / "file", ""));
  const auto status = clade::make_folders(folder / "file");
  REQUIRE_FALSE(status);
  CHECK(status.error().code == "io");
  CHECK_FALSE(clade::make_folders(folder / "file/below"));
}

TEST_CASE("a system reason is a sentence a person knows", "[bytes]") {
  CHECK(clade::system_reason(ENOSPC) == "No space left on device");
}
