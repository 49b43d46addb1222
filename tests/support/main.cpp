// The main function of every Catch2 executable. Fails the run if a test leaves descriptors, child processes
// or another working folder behind.
#define CATCH_CONFIG_RUNNER
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <map>
#include <string>

#include <catch2/catch.hpp>
#include <dirent.h>
#include <sys/wait.h>
#include <unistd.h>

// libuv, in the executables that link it. It opens two descriptors for the whole process with its first loop.
extern "C" [[gnu::weak]] void* uv_loop_new(void);
extern "C" [[gnu::weak]] void uv_loop_delete(void*);

namespace {

constexpr int kLeaked = 99;

// Each open descriptor and what it refers to.
std::map<int, std::string> open_descriptors() {
  std::map<int, std::string> result;
  DIR* folder = opendir("/proc/self/fd");
  if (!folder) return result;
  while (const dirent* entry = readdir(folder)) {
    if (entry->d_name[0] == '.' || std::stoi(entry->d_name) == dirfd(folder)) continue;
    std::error_code code;
    const auto target = std::filesystem::read_symlink(std::string("/proc/self/fd/") + entry->d_name, code);
    result[std::stoi(entry->d_name)] = target.string();
  }
  closedir(folder);
  return result;
}

// Running or not reaped.
bool has_child() {
  siginfo_t info{};
  return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}

class LeakListener : public Catch::TestEventListenerBase {
 public:
  using TestEventListenerBase::TestEventListenerBase;

  static int leaks;

  void testCaseStarting(const Catch::TestCaseInfo&) override {
    descriptors_ = open_descriptors();
    child_ = has_child();
    folder_ = std::filesystem::current_path();
  }

  void testCaseEnded(const Catch::TestCaseStats& stats) override {
    for (const auto& [number, target] : open_descriptors()) {
      if (!descriptors_.count(number)) report(stats, "descriptor " + std::to_string(number) + " " + target);
    }
    if (has_child() && !child_) report(stats, "a child process");
    std::error_code code;
    if (std::filesystem::current_path(code) != folder_) report(stats, "another working folder");
  }

 private:
  void report(const Catch::TestCaseStats& stats, const std::string& what) {
    ++leaks;
    std::fprintf(stderr, "%s: left behind: %s\n", stats.testInfo.name.c_str(), what.c_str());
  }

  std::map<int, std::string> descriptors_;
  bool child_ = false;
  std::filesystem::path folder_;
};
int LeakListener::leaks = 0;
CATCH_REGISTER_LISTENER(LeakListener)

}  // namespace

int main(int count, char** arguments) {
  // As the host's main does: a broken pipe is an error code of the write.
  std::signal(SIGPIPE, SIG_IGN);
  if (uv_loop_new) uv_loop_delete(uv_loop_new());
  const int failed = Catch::Session().run(count, arguments);
  return failed == 0 && LeakListener::leaks > 0 ? kLeaked : failed;
}
