#include "cell/sandbox.h"

#include <cerrno>
#include <csignal>
#include <fstream>
#include <functional>
#include <utility>

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "cell/landlock.h"
#include "cell/system_calls.h"

namespace clade::cell {
namespace {

constexpr uid_t kNobody = 65534;

std::string failed(const std::string& step) {
  return step + ": " + system_reason(errno);
}

// Runs a function in a child process and returns its text; "" says that it worked. How one finds out what a
// kernel allows without being changed by it.
std::string trial(const std::function<std::string()>& function) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return failed("pipe");
  const pid_t child = ::fork();
  if (child < 0) {
    const std::string reason = failed("fork");
    close(ends[0]);
    close(ends[1]);
    return reason;
  }
  if (child == 0) {
    const std::string text = function();
    const bool written = write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size());
    _exit(written ? 0 : 1);
  }
  close(ends[1]);
  std::string text;
  char buffer[512];
  for (ssize_t count = 0; (count = read(ends[0], buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<size_t>(count));
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (text.empty() && status != 0) return "the trial ended with wait status " + std::to_string(status);
  return text;
}

// Waits for a child; "" if it exited with 0.
std::string wait_for(pid_t child, const std::string& what) {
  if (child < 0) return failed(what);
  int status = 0;
  if (waitpid(child, &status, 0) != child) return failed("waitpid");
  if (WIFSIGNALED(status)) return what + ": ended by signal " + std::to_string(WTERMSIG(status));
  return WEXITSTATUS(status) == 0 ? "" : what + ": ended with status " + std::to_string(WEXITSTATUS(status));
}

// Root becomes nobody, so that a cell is no one even where namespaces are missing. Not fatal: in a container
// that maps no other user, root is a user without rights already.
void drop_root() {
  if (geteuid() != 0) return;
  if (setgroups(0, nullptr) != 0 || setresgid(kNobody, kNobody, kNobody) != 0) return;
  if (setresuid(kNobody, kNobody, kNobody) != 0) return;
  // Changing the user makes /proc/self root's; the maps below are written there.
  prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

bool write_proc(const char* path, const std::string& text) {
  const int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool written = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int error = errno;
  close(file);
  errno = error;
  return written;
}

// Moves this process to a user and a mount namespace with nothing in it but an empty read-only folder. Every
// cell is born there, so none pays for it. Returns "" or what failed.
std::string enter_empty_root() {
  const std::string user = std::to_string(geteuid());
  const std::string group = std::to_string(getegid());
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return failed("a user namespace");
  // One's own ids are the only ones that may be mapped without rights. Without a map cells could not nest
  // theirs.
  if (!write_proc("/proc/self/setgroups", "deny") && errno != ENOENT) return failed("/proc/self/setgroups");
  const std::string nobody = std::to_string(kNobody);
  if (!write_proc("/proc/self/uid_map", nobody + " " + user + " 1")) return failed("/proc/self/uid_map");
  if (!write_proc("/proc/self/gid_map", nobody + " " + group + " 1")) return failed("/proc/self/gid_map");
  // Any folder will do as the place to mount on; in the new namespace only this process sees it.
  for (const char* folder : {"/tmp", "/usr", "/proc"}) {
    if (mount("none", folder, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY,
              "nr_inodes=1,mode=555") != 0) {
      if (errno == ENOENT || errno == ENOTDIR) continue;
      return failed("an empty file system");
    }
    if (chdir(folder) != 0) return failed("the empty root");
    // The old root ends up above the new one at the same place, and is taken off there.
    if (syscall(SYS_pivot_root, ".", ".") != 0) return failed("pivot_root");
    if (umount2(".", MNT_DETACH) != 0 || chdir("/") != 0) return failed("leaving the old root");
    return "";
  }
  return "an empty file system: no folder to mount it on";
}

// Forks into the namespaces of a cell. The C library's fork cannot do that; its bookkeeping (locks of other
// threads, the cached thread id) is of no use to a process with one thread that never starts another.
pid_t fork_into_namespaces() {
  return static_cast<pid_t>(
      syscall(SYS_clone, kCellNamespaces | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
}

std::string try_namespaces() {
  return trial([]() -> std::string {
    if (auto reason = enter_empty_root(); !reason.empty()) return reason;
    const pid_t child = fork_into_namespaces();
    if (child == 0) _exit(0);
    return wait_for(child, "namespaces of a cell");
  });
}

Status set_limit(int resource, rlim_t value, const char* name) {
  rlimit current{};
  getrlimit(static_cast<__rlimit_resource_t>(resource), &current);
  value = std::min(value, current.rlim_max);
  const rlimit wanted{value, value};
  if (setrlimit(static_cast<__rlimit_resource_t>(resource), &wanted) == 0) return {};
  return failure("io", failed(name));
}

int64_t mapped_bytes() {
  std::ifstream file("/proc/self/statm");
  int64_t pages = 0;
  // Without /proc: more than the executable maps, so that cells start.
  return file >> pages ? pages * sysconf(_SC_PAGESIZE) : 128ll << 20;
}

// Closes every descriptor from `first` on.
void close_from(int first) {
  if (close_range(static_cast<unsigned>(first), ~0u, 0) == 0) return;
  // Linux before 5.9.
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  for (int descriptor = first; descriptor < static_cast<int>(limit.rlim_max); ++descriptor) close(descriptor);
}

bool drop_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
  return syscall(SYS_capset, &header, none) == 0;
}

}  // namespace

Sandbox Sandbox::prepare() {
  Sandbox sandbox;
  sandbox.base_bytes_ = mapped_bytes();
  drop_root();

  std::string missing;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) missing = failed("no_new_privs");
  sandbox.report("no_new_privs", missing);

  missing = try_namespaces();
  if (missing.empty()) missing = enter_empty_root();
  sandbox.namespaces_ = missing.empty();
  if (!missing.empty()) {
    missing +=
        "; needs user namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, on "
        "Ubuntu "
        "kernel.apparmor_restrict_unprivileged_userns=0) outside a chroot or a container that forbids them";
  }
  sandbox.report("namespaces", missing);

  auto ruleset = landlock_deny_all();
  missing = ruleset ? "" : ruleset.error().message;
  if (ruleset) {
    missing = trial([&] { return landlock_restrict(*ruleset) == 0 ? std::string() : failed("landlock"); });
    if (missing.empty()) {
      sandbox.ruleset_ = *ruleset;
    } else {
      close(*ruleset);
    }
  }
  sandbox.report("landlock", missing);

  missing = trial([&] {
    auto limited = sandbox.limit(CellLimits{64, 1000});
    return limited ? std::string() : limited.error().message;
  });
  sandbox.report("rlimits", missing);

  auto filter = system_call_filter();
  missing = filter ? "" : filter.error().message;
  if (filter) {
    missing = wait_for(
        [&] {
          const pid_t child = ::fork();
          if (child == 0) _exit(install_filter(*filter) == 0 ? 0 : 1);
          return child;
        }(),
        "a kernel with CONFIG_SECCOMP_FILTER is needed");
    if (missing.empty()) sandbox.filter_ = *std::move(filter);
  }
  sandbox.report("seccomp", missing);

#if CLADE_LUAJIT_CHECKHOOK
  sandbox.report("checkhook", "");
#else
  sandbox.report(
      "checkhook",
      "built with the distribution's LuaJIT: an endless loop is killed without a traceback; build with "
      "the one of `./dev setup`");
#endif
  return sandbox;
}

Sandbox::~Sandbox() {
  if (ruleset_ >= 0) close(ruleset_);
}

Sandbox::Sandbox(Sandbox&& other) noexcept
    : layers_(std::move(other.layers_)),
      filter_(std::move(other.filter_)),
      ruleset_(std::exchange(other.ruleset_, -1)),
      namespaces_(other.namespaces_),
      base_bytes_(other.base_bytes_) {}

pid_t Sandbox::fork() const {
  return namespaces_ ? fork_into_namespaces() : ::fork();
}

Status Sandbox::limit(const CellLimits& limits) const {
  Status status;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  // Behind the allocator's own cap, for what bypasses it. The sanitizers map terabytes for their shadow: no
  // limit there.
  const int64_t bytes = base_bytes_ + kStackBytes + (limits.memory_mb << 20);
  status = set_limit(RLIMIT_AS, static_cast<rlim_t>(bytes), "RLIMIT_AS");
#endif
  // Soft and hard are one: at the hard limit the kernel sends SIGKILL, while SIGXCPU does not reach the first
  // process of a pid namespace. The second on top leaves the soft deadline room to work.
  const auto seconds = static_cast<rlim_t>((limits.cpu_ms + 999) / 1000 + 1);
  if (status && limits.cpu_ms > 0) status = set_limit(RLIMIT_CPU, seconds, "RLIMIT_CPU");
  // Enough for the socket; nothing new can be opened.
  if (status) status = set_limit(RLIMIT_NOFILE, kCellDescriptor + 1, "RLIMIT_NOFILE");
  if (status) status = set_limit(RLIMIT_NPROC, 0, "RLIMIT_NPROC");
  if (status) status = set_limit(RLIMIT_FSIZE, 0, "RLIMIT_FSIZE");
  if (status) status = set_limit(RLIMIT_CORE, 0, "RLIMIT_CORE");
  return status;
}

Status Sandbox::confine(int socket, const CellLimits& limits, int parent) const {
  if (ruleset_ >= 0 && landlock_restrict(ruleset_) != 0) return failure("io", failed("landlock"));
  if (dup2(socket, kCellDescriptor) < 0) return failure("io", failed("the cell's socket"));
  const int kept = parent < 0 ? -1 : dup2(parent, kCellDescriptor + 1);
  close_from(kCellDescriptor + (kept < 0 ? 1 : 2));
  close(0);
  close(1);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  close(2);  // otherwise kept for the sanitizer's report
#endif
  if (auto status = limit(limits); !status) return status;
  if (!drop_capabilities()) return failure("io", failed("capabilities"));
  // After the capabilities: changing them may clear it. A parent that died before this sends no signal any
  // more; its number says nothing in a pid namespace, its pidfd does.
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return failure("io", failed("PR_SET_PDEATHSIG"));
  if (kept >= 0) {
    pollfd entry{kept, POLLIN, 0};
    if (poll(&entry, 1, 0) != 0) return failure("io", "the zygote is gone");
    close(kept);
  }
  if (limits.cpu_ms > 0) {
    itimerval timer{};
    timer.it_value.tv_sec = limits.cpu_ms / 1000;
    timer.it_value.tv_usec = limits.cpu_ms % 1000 * 1000;
    // Again, should the first one come before there is anything to stop.
    timer.it_interval = timer.it_value;
    if (setitimer(ITIMER_PROF, &timer, nullptr) != 0) return failure("io", failed("setitimer"));
  }
  return {};
}

Status Sandbox::seal() const {
  if (filter_.empty()) return {};
  if (const int error = install_filter(filter_); error != 0) {
    return failure("io", "seccomp: " + system_reason(error));
  }
  return {};
}

}  // namespace clade::cell
