// What a process can do once it is shut in. Every attempt runs in a process of its own: test → zygote-like
// process that prepares → cell-like process that is shut in and tries.
#include "cell/sandbox.h"

#include <cerrno>
#include <csignal>
#include <functional>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cell/system_calls.h"

namespace clade::cell {
namespace {

constexpr int kBroken = 99;

// An exit status, or 1000 + the signal that ended it.
int ending(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

int in_child(const std::function<int()>& function) {
  const pid_t child = fork();
  if (child == 0) _exit(function());
  return ending(child);
}

// Runs `attempt` in a cell and returns how the cell ended. `before` changes the machine that the sandbox
// finds.
int in_cell(bool sealed, const std::function<int()>& attempt, const std::function<bool()>& before = nullptr,
            CellLimits limits = {64, 0}) {
  return in_child([&] {
    if (before && !before()) return kBroken;
    const Sandbox sandbox = Sandbox::prepare();
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return kBroken;
    const pid_t cell = sandbox.fork();
    if (cell == 0) {
      if (!sandbox.confine(ends[1], limits)) _exit(kNotShutIn);
      if (sealed && !sandbox.seal()) _exit(kNotShutIn);
      _exit(attempt());
    }
    const int status = ending(cell);
    if (status < 1000) return status;
    // Passed on as it was; a core of this process would be of no use to anyone.
    signal(status - 1000, SIG_DFL);
    const rlimit none{0, 0};
    setrlimit(RLIMIT_CORE, &none);
    raise(status - 1000);
    return kBroken;
  });
}

// A container that forbids namespaces on a kernel without Landlock.
bool without_namespaces_and_landlock() {
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
  const auto refuse = SCMP_ACT_ERRNO(EPERM);
  bool made = seccomp_rule_add(filter, refuse, SCMP_SYS(unshare), 0) == 0 &&
              seccomp_rule_add(filter, refuse, SCMP_SYS(clone), 1,
                               SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_NEWUSER, CLONE_NEWUSER)) == 0 &&
              seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(landlock_create_ruleset), 0) == 0 &&
              seccomp_load(filter) == 0;
  seccomp_release(filter);
  return made;
}

bool layer_is_active(const std::string& name) {
  return in_child([&] {
           const Sandbox sandbox = Sandbox::prepare();
           for (const auto& layer : sandbox.layers()) {
             if (layer.name == name) return layer.missing.empty() ? 0 : 1;
           }
           return kBroken;
         }) == 0;
}

// True if the process may do nothing that needs a right.
bool without_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  if (syscall(SYS_capget, &header, data) != 0) return false;
  return (data[0].effective | data[0].permitted | data[1].effective | data[1].permitted) == 0;
}

TEST_CASE("every layer has a name, and this machine's state of it") {
  for (const char* name : {"no_new_privs", "rlimits", "seccomp"}) CHECK(layer_is_active(name));
  CHECK(layer_is_active("checkhook") == (CLADE_LUAJIT_CHECKHOOK == 1));
}

TEST_CASE("a sealed cell computes, allocates and ends") {
  CHECK(in_cell(true, [] {
          void* memory = mmap(nullptr, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
          if (memory == MAP_FAILED || mprotect(memory, 4096, PROT_READ | PROT_EXEC) != 0) return 1;
          std::vector<int> heap(1 << 20, 7);
          try {
            throw heap[5];
          } catch (int number) {
            return number == 7 && write(kCellDescriptor, "x", 1) == 1 ? 42 : 2;
          }
        }) == 42);
}

TEST_CASE("system calls that a cell has no business with kill it") {
  struct Case {
    const char* what;
    std::function<void()> attempt;
  };
  const Case cases[] = {
      {"socket", [] { socket(AF_INET, SOCK_STREAM, 0); }},
      {"listen", [] { listen(kCellDescriptor, 1); }},
      {"fork", [] { syscall(SYS_fork); }},
      {"clone", [] { syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr); }},
      {"execve", [] { syscall(SYS_execve, "/bin/true", nullptr, nullptr); }},
      {"unlink", [] { unlink("/tmp/x"); }},
      {"mkdir", [] { mkdir("/tmp/x", 0700); }},
      {"kill", [] { kill(1, SIGTERM); }},
      {"ptrace", [] { ptrace(PTRACE_TRACEME, 0, nullptr, nullptr); }},
      {"unshare", [] { unshare(CLONE_NEWUSER); }},
      {"mount", [] { mount("none", "/", "tmpfs", 0, nullptr); }},
      {"setuid", [] { setuid(0); }},
      {"process_vm_readv", [] { process_vm_readv(1, nullptr, 0, nullptr, 0, 0); }},
      {"memfd_create", [] { memfd_create("x", 0); }},
      {"io_uring_setup", [] { syscall(SYS_io_uring_setup, 1, nullptr); }},
      {"bpf", [] { syscall(SYS_bpf, 0, nullptr, 0); }},
      {"recvmsg", [] { recvmsg(kCellDescriptor, nullptr, 0); }},
      {"setrlimit", [] { syscall(SYS_setrlimit, RLIMIT_CPU, nullptr); }},
  };
  for (const auto& one : cases) {
    INFO(one.what);
    CHECK(in_cell(true, [&] {
            one.attempt();
            return 0;
          }) == 1000 + SIGSYS);
  }
  // A sanitizer's report tries to open files; its build refuses that without killing.
  const int opened = in_cell(true, [] { return open("/", O_RDONLY) < 0 ? 5 : 0; });
  CHECK(opened == (kSanitized ? 5 : 1000 + SIGSYS));
}

TEST_CASE("the layers below the filter hold by themselves") {
  const bool namespaces = layer_is_active("namespaces");
  const bool landlock = layer_is_active("landlock");
  CHECK(in_cell(false, [] { return geteuid() != 0 && setuid(0) != 0 ? 0 : 1; }) == 0);
  CHECK(in_cell(false, [] { return without_capabilities() ? 0 : 1; }) == 0);
  CHECK(in_cell(false, [] { return fork() < 0 ? 0 : 1; }) == 0);
  CHECK(in_cell(false, [] {
          // Of the descriptors only the socket is left, and there is no room for another.
          for (int descriptor = 0; descriptor < 1000; ++descriptor) {
            const bool expected = descriptor == kCellDescriptor || (kSanitized && descriptor == 2);
            if ((fcntl(descriptor, F_GETFD) >= 0) != expected) return 1;
          }
          return fcntl(kCellDescriptor, F_DUPFD, 4) < 0 ? 0 : 2;
        }) == 0);
  if (namespaces || landlock) {
    CHECK(in_cell(false, [] {
            return open("/etc/passwd", O_RDONLY) < 0 && open("/proc/self/maps", O_RDONLY) < 0 ? 0 : 1;
          }) == 0);
  }
  if (namespaces) {
    CHECK(in_cell(false, [] { return getpid() == 1 ? 0 : 1; }) == 0);
    CHECK(in_cell(false, [] { return mkdir("/x", 0700) != 0 && kill(-1, 0) != 0 ? 0 : 1; }) == 0);
    CHECK(in_cell(false, [] { return mount("none", "/", "tmpfs", 0, nullptr) != 0 ? 0 : 1; }) == 0);
  }
  if (!kSanitized) {
    CHECK(in_cell(false, [] {
            const size_t size = 1u << 30;
            return mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
                           MAP_FAILED
                       ? 0
                       : 1;
          }) == 0);
  }
}

TEST_CASE("CPU time has a hard end") {
  const int status = in_cell(
      true,
      [] {
        // The soft deadline's signal has no handler here, as in a cell that hangs where no hook runs.
        for (volatile unsigned spin = 0;;) spin = spin + 1;
        return 0;
      },
      nullptr, CellLimits{64, 1});
  // Without a pid namespace the timer's signal itself ends the process.
  CHECK((status == 1000 + SIGKILL || status == 1000 + SIGPROF));
}

TEST_CASE("without namespaces and Landlock a cell still runs, and says what is missing") {
  const int missing = in_child([] {
    if (!without_namespaces_and_landlock()) return kBroken;
    const Sandbox sandbox = Sandbox::prepare();
    int count = 0;
    for (const auto& layer : sandbox.layers()) {
      const bool expected = layer.name == "namespaces" || layer.name == "landlock";
      if (layer.name != "checkhook" && layer.missing.empty() == expected) return kBroken;
      if (expected) ++count;
    }
    return count;
  });
  CHECK(missing == 2);
  CHECK(in_cell(
            true, [] { return 42; }, without_namespaces_and_landlock) == 42);
  CHECK(in_cell(
            true, [] { return socket(AF_UNIX, SOCK_STREAM, 0); }, without_namespaces_and_landlock) ==
        1000 + SIGSYS);
}

}  // namespace
}  // namespace clade::cell
