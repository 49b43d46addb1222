#include "cli/doctor.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <thread>

#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/bytes.h"
#include "cell/zygote.h"
#include "cli/output.h"
#include "loop/loop.h"
#include "loop/process.h"
#include "script/manifest.h"
#include "store/database.h"

namespace clade::cli {
namespace {

constexpr int64_t kDiskMb = 500;
constexpr rlim_t kOpenFiles = 1024;

std::vector<std::string> required_layers(const std::string& folder) {
  auto swarm = script::read_swarm_manifest(folder + "/swarm.yaml");
  return swarm ? swarm->require : std::vector<std::string>();
}

std::string purpose_of(const std::string& layer) {
  static const std::map<std::string, std::string> purposes = {
      {"seccomp", "a cell can make only the few system calls that Lua needs"},
      {"landlock", "a cell can open no file"},
      {"namespaces", "a cell sees no other process, user or mount"},
      {"no_new_privs", "a cell can gain no rights"},
      {"rlimits", "a cell is bounded in memory, processor time and files"},
      {"checkhook",
       "an endless loop is stopped with an error that names its line, instead of killing its cell"}};
  const auto found = purposes.find(layer);
  return found == purposes.end() ? "isolation of cells" : found->second;
}

void examine_cells(const std::string& folder, std::vector<Finding>& findings) {
  auto zygote = cell::Zygote::start();
  if (!zygote) {
    findings.push_back({"cells", Health::missing, zygote.error().message, "every script runs in a cell",
                        "see the reason; a full process table or a memory limit may be in the way"});
    return;
  }
  const auto required = required_layers(folder);
  for (const cell::Layer& layer : zygote->layers()) {
    if (layer.missing.empty()) {
      findings.push_back({layer.name, Health::ok, "active", purpose_of(layer.name), ""});
      continue;
    }
    const bool needed = std::find(required.begin(), required.end(), layer.name) != required.end();
    findings.push_back(
        {layer.name, needed ? Health::missing : Health::degraded, layer.missing, purpose_of(layer.name),
         needed ? "swarm.yaml requires it: get it, or take it out of `require`"
                : "the host runs without it; list it under `require` in swarm.yaml to refuse that"});
  }
}

Finding examine_git() {
  Finding finding{"git", Health::degraded, "not found",
                  "a commit per published version (`clade run --commit`)",
                  "install git, e.g. `apt install git`"};
  loop::Loop loop;
  loop::ProcessOptions options;
  options.arguments = {"git", "--version"};
  const char* path = std::getenv("PATH");
  options.environment = {std::string("PATH=") + (path ? path : "/usr/bin:/bin")};
  std::optional<loop::ProcessExit> exit;
  auto process = loop::Process::spawn(loop, std::move(options), [&](loop::ProcessExit done) {
    exit = std::move(done);
    loop.stop();
  });
  if (!process) return finding;
  loop.run();
  if (exit && exit->code == 0) {
    finding.health = Health::ok;
    finding.found = exit->out.substr(0, exit->out.find('\n'));
    finding.advice.clear();
  }
  return finding;
}

Finding examine_disk(const std::string& folder) {
  Finding finding{"disk", Health::ok, "",
                  "the state of a swarm; nothing is acknowledged before it is on disk", ""};
  struct statvfs disk {};
  if (statvfs(folder.c_str(), &disk) != 0) {
    finding.health = Health::missing;
    finding.found = "cannot look at " + folder + ": " + system_reason(errno);
    finding.advice = "run from a folder that is there and readable";
    return finding;
  }
  const auto free_mb = static_cast<int64_t>(disk.f_bavail / 1024 * disk.f_frsize / 1024);
  finding.found = std::to_string(free_mb) + " MB free";
  if (free_mb < kDiskMb) {
    finding.health = Health::degraded;
    finding.advice = "free some space: a host that finds the disk full stops";
  }
  if (access(folder.c_str(), W_OK) != 0) {
    finding.health = Health::degraded;
    finding.found += ", not writable";
    finding.advice = "a host needs to write in the swarm's folder: copy it to a folder of yours";
  }
  return finding;
}

Finding examine_inotify() {
  Finding finding{"inotify", Health::ok, "", "a saved file is live without a restart", ""};
  const int descriptor = inotify_init1(IN_CLOEXEC);
  if (descriptor < 0) {
    finding.health = Health::degraded;
    finding.found = system_reason(errno);
    finding.advice = "raise fs.inotify.max_user_instances: sysctl fs.inotify.max_user_instances=512";
    return finding;
  }
  close(descriptor);
  auto limit = read_file("/proc/sys/fs/inotify/max_user_watches", 64);
  finding.found = limit ? limit->substr(0, limit->find('\n')) + " watches allowed" : "works";
  return finding;
}

Finding examine_store() {
  Finding finding{"sqlite", Health::ok, "", "the store", ""};
  std::array<char, 64> folder{"/tmp/clade-doctor-XXXXXX"};
  const std::string advice = "make /tmp writable, with room on it";
  if (!mkdtemp(folder.data())) {
    return {"sqlite", Health::missing, "no folder to try it in: " + system_reason(errno), finding.purpose,
            advice};
  }
  {
    auto database =
        store::Database::open(std::string(folder.data()) + "/try.db", store::Database::Mode::read_write);
    if (!database) {
      finding = {"sqlite", Health::missing, database.error().message, finding.purpose, advice};
    } else {
      auto query = database->prepare("SELECT sqlite_version()");
      if (auto row = query.step(); row && *row) finding.found = query.text(0);
    }
  }
  std::error_code ignored;
  std::filesystem::remove_all(folder.data(), ignored);
  return finding;
}

Finding examine_files() {
  Finding finding{"open files", Health::ok, "", "sockets of cells and commands", ""};
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  finding.found = limit.rlim_cur == RLIM_INFINITY ? "unlimited" : std::to_string(limit.rlim_cur) + " allowed";
  if (limit.rlim_cur < kOpenFiles) {
    finding.health = Health::degraded;
    finding.advice = "allow more: ulimit -n 4096";
  }
  return finding;
}

Finding examine_cores() {
  const unsigned cores = std::max(1u, std::thread::hardware_concurrency());
  return {"cores", Health::ok, std::to_string(cores), "evaluations run side by side, two per core", ""};
}

}  // namespace

std::vector<Finding> examine(const std::string& folder) {
  std::vector<Finding> findings;
  examine_cells(folder, findings);
  findings.push_back(examine_store());
  findings.push_back(examine_disk(folder));
  findings.push_back(examine_files());
  findings.push_back(examine_inotify());
  findings.push_back(examine_git());
  findings.push_back(examine_cores());
  return findings;
}

}  // namespace clade::cli
