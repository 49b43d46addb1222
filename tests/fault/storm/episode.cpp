#include "episode.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"

namespace storm {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSmallDisk = "size=24m";
// So many tasks are under way, at least while the storm looks for work in flight.
constexpr int64_t kOpenTasks = 12;
constexpr int64_t kMoreTasks = 6;
constexpr int kMostRepeats = 1000;

class SmallDisk {
 public:
  explicit SmallDisk(const std::string& folder) : folder_(folder) {
    if (::mount("storm", folder.c_str(), "tmpfs", 0, kSmallDisk) != 0)
      throw Failure("cannot mount a small file system: " + std::string(std::strerror(errno)));
  }
  ~SmallDisk() { ::umount2(folder_.c_str(), MNT_DETACH); }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

 private:
  std::string folder_;
};

bool write_text(const char* path, const std::string& text) {
  const int file = ::open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool written = ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ::close(file);
  return written;
}

class Episode {
 public:
  Episode(const EpisodeOptions& options, const Places& places)
      : options_(options),
        places_(places),
        random_(options.seed),
        host_({CLADE_BINARY, STORM_DOUBLE, {}}, places),
        operator_(places.swarm),
        client_(places, STORM_WITNESS, options.seed) {}

  void run() {
    start();
    for (const Fault* fault : options_.rounds) {
      for (int repeat = 0; !strike(*fault); ++repeat) {
        if (repeat == kMostRepeats) throw Failure(std::string(fault->name) + " never met work in flight");
      }
    }
    finish();
  }

 private:
  void start() {
    host_.start();
    host_.wait_until_up();
  }

  // What a person would do, and enough work for the next fault to meet.
  void tend() {
    client_.check();
    if (!host_.running()) throw Failure("the host ended by itself: " + host_.said());
    for (const auto& role : rows(places_.swarm,
                                 "SELECT substr(name, 7) FROM script_event WHERE verb IN ('quarantined', "
                                 "'released') GROUP BY name "
                                 "HAVING max(CASE verb WHEN 'quarantined' THEN seq ELSE 0 END) > "
                                 "max(CASE verb WHEN 'released' THEN seq ELSE 0 END)")) {
      ask("script.release", R"("role":")" + role + "\"");
    }
  }

  // On a full disk nobody may be able to look.
  void more_work() {
    int64_t open = 0;
    try {
      open = count(places_.swarm,
                   "SELECT count(*) FROM task WHERE state NOT IN ('completed', "
                   "'dead_letter', 'cancelled')");
    } catch (const Failure&) {
    }
    if (open < kOpenTasks) client_.allow(kMoreTasks);
  }

  void ask(const std::string& command, const std::string& args) {
    if (!operator_.connected() && !operator_.connect()) return;
    (void)operator_.ask(R"({"command":")" + command + R"(","args":{)" + args + "}}");
  }

  bool strike(const Fault& fault) {
    wait_until("work in flight", [this] {
      tend();
      more_work();
      return in_flight(places_.swarm) > 0;
    });
    pause_us(std::uniform_int_distribution<int64_t>(0, fault.latest_us)(random_));
    Scene scene{host_, places_, random_, [this] { more_work(); }};
    const Strike result = fault.strike(scene);
    if (!host_.running()) start();
    options_.struck(fault, result.counted);
    return result.counted;
  }

  void finish() {
    client_.allow(0);
    wait_until("all work to end", [this] {
      tend();
      return count(places_.swarm,
                   "SELECT (SELECT count(*) FROM task WHERE state NOT IN ('completed', "
                   "'dead_letter', 'cancelled')) + (SELECT count(*) FROM message WHERE "
                   "state = 'stored') + (SELECT count(*) FROM run WHERE status = 'running') + "
                   "(SELECT count(*) FROM file_write WHERE done = 0)") == 0;
    });
    ::kill(host_.pid(), SIGTERM);
    if (const int status = host_.wait_for_end(); status != 0)
      throw Failure("the host ended with status " + std::to_string(status) + ": " + host_.said());
    client_.check();
  }

  const EpisodeOptions& options_;
  const Places& places_;
  std::mt19937_64 random_;
  Host host_;
  Control operator_;
  Client client_;
};

}  // namespace

void run_episode(const EpisodeOptions& options) {
  const std::string& folder = options.folder;
  const Places places{folder,           folder + "/swarm",    folder + "/witness",
                      folder + "/sent", folder + "/host.out", folder + "/orders"};
  fs::create_directories(places.swarm);
  std::unique_ptr<SmallDisk> disk;
  if (options.small_disk) disk = std::make_unique<SmallDisk>(places.swarm);
  fs::copy(STORM_SWARM, places.swarm, fs::copy_options::recursive);
  Episode(options, places).run();
  const std::string violations = check(places);
  if (!violations.empty()) throw Failure("broken promises:\n" + violations);
}

bool may_mount() {
  const std::string user = std::to_string(::geteuid());
  const std::string group = std::to_string(::getegid());
  if (::unshare(CLONE_NEWNS) != 0) {
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
    (void)write_text("/proc/self/setgroups", "deny");
    if (!write_text("/proc/self/uid_map", "0 " + user + " 1") ||
        !write_text("/proc/self/gid_map", "0 " + group + " 1"))
      return false;
  }
  return ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

std::string check(const Places& places) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw Failure("no pipe");
  const pid_t checker = ::fork();
  if (checker == 0) {
    ::dup2(ends[1], STDOUT_FILENO);
    ::dup2(ends[1], STDERR_FILENO);
    ::execl("/bin/bash", "bash", STORM_CHECK, places.folder.c_str(), nullptr);
    ::_exit(127);
  }
  ::close(ends[1]);
  std::string said;
  std::array<char, 4096> bytes{};
  for (ssize_t size = 0; (size = ::read(ends[0], bytes.data(), bytes.size())) > 0;)
    said.append(bytes.data(), static_cast<size_t>(size));
  ::close(ends[0]);
  int status = 0;
  ::waitpid(checker, &status, 0);
  if (status == 0) return "";
  return said.empty() ? "the checker failed and said nothing" : said;
}

}  // namespace storm
