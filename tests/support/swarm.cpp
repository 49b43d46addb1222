#include "support/swarm.h"

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/codec.h"
#include "store/database.h"
#include "support/command.h"

namespace test {
namespace {

constexpr int kPollMs = 5;
constexpr auto kPatience = std::chrono::minutes(2);

std::string database_path(const std::string& folder) {
  return folder + "/.clade/clade.db";
}

}  // namespace

Swarm::Swarm(bool copy_shipped) {
  if (!copy_shipped) return;
  for (const char* part : {"swarm.yaml", "agents", "skills", "scripts", "knowledge"}) {
    std::filesystem::copy(std::string(CLADE_SOURCE) + "/" + part, folder_ / part,
                          std::filesystem::copy_options::recursive);
  }
}

Swarm::~Swarm() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void Swarm::write(const std::string& file, const std::string& text) const {
  const std::filesystem::path full = folder_ / file;
  std::filesystem::create_directories(full.parent_path());
  std::ofstream(full) << text;
}

std::string Swarm::read(const std::string& file) const {
  std::ifstream in(folder_ / file);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

void Swarm::start(const std::vector<std::string>& arguments, const std::function<void()>& before) {
  REQUIRE(pid_ <= 0);
  std::vector<std::string> words = {CLADE_BINARY, "run", path()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  pid_ = fork();
  REQUIRE(pid_ >= 0);
  if (pid_ == 0) {
    const int out = open((folder_ / "host.out").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(out, 1);
    dup2(out, 2);
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    if (before) before();
    execv(argv[0], argv.data());
    _exit(127);
  }
}

void Swarm::kill() {
  signal(SIGKILL);
  wait();
}

void Swarm::signal(int number) const {
  REQUIRE(pid_ > 0);
  ::kill(pid_, number);
}

int Swarm::wait() {
  if (pid_ > 0) {
    REQUIRE(::waitpid(pid_, &status_, 0) == pid_);
    pid_ = -1;
  }
  return WIFSIGNALED(status_) ? 128 + WTERMSIG(status_) : WEXITSTATUS(status_);
}

std::string Swarm::clade(std::vector<std::string> arguments) const {
  const auto result = run_clade(arguments, {.input = "", .folder = path(), .environment = {}});
  INFO(result.err);
  CAPTURE(arguments);
  REQUIRE(result.exit == 0);
  return result.out;
}

clade::Value Swarm::json(std::vector<std::string> arguments) const {
  arguments.emplace_back("--json");
  auto value = clade::decode_json(clade(std::move(arguments)));
  REQUIRE(value);
  return *value;
}

int64_t Swarm::count(const std::string& sql) const {
  const std::string found = text(sql);
  return found.empty() ? 0 : std::stoll(found);
}

std::string Swarm::text(const std::string& sql) const {
  using clade::store::Database;
  auto database = Database::open(database_path(path()), Database::Mode::read_only);
  if (!database) return "";  // the host has not made it yet
  // Before the schema is there, the statement does not compile.
  auto version = database->prepare("PRAGMA user_version");
  if (auto row = version.step(); !row || !*row || version.integer(0) == 0) return "";
  auto query = database->prepare(sql);
  auto row = query.step();
  return row && *row ? query.text(0) : "";
}

void Swarm::until(const std::function<bool()>& condition) const {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (pid_ > 0 && ::waitpid(pid_, &status_, WNOHANG) == pid_) {
      pid_ = -1;
      if (condition()) return;
      FAIL("the host ended: " << read("host.out"));
    }
    if (std::chrono::steady_clock::now() > deadline)
      FAIL("waited too long; the host says: " << read("host.out"));
    ::poll(nullptr, 0, kPollMs);
  }
}

void Swarm::until_count(const std::string& sql, int64_t least) const {
  INFO(sql);
  until([&] { return count(sql) >= least; });
}

void Swarm::until_up() const {
  until([&] { return run_clade({"status", "-C", path()}).exit == 0; });
}

}  // namespace test
