#include "cell/system_calls.h"

#include <array>
#include <cerrno>
#include <memory>

#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bytes.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CLADE_SANITIZED 1
#else
#define CLADE_SANITIZED 0
#endif

namespace clade::cell {

const bool kSanitized = CLADE_SANITIZED;

namespace {

constexpr std::array kAllowed {
  SCMP_SYS(read),                 // frames from the host: the socket is the only descriptor
      SCMP_SYS(write),            // frames to the host
      SCMP_SYS(mmap),             // memory of the VMs; LuaJIT maps its own for machine code
      SCMP_SYS(mprotect),         // LuaJIT switches machine code between writable and executable
      SCMP_SYS(munmap),           // gives memory back
      SCMP_SYS(mremap),           // realloc of large blocks
      SCMP_SYS(madvise),          // malloc trims with it
      SCMP_SYS(brk),              // malloc's heap
      SCMP_SYS(futex),            // locks inside malloc and the C++ runtime (exceptions)
      SCMP_SYS(getrandom),        // malloc and std::map seeds of the C library, LuaJIT's hash seed
      SCMP_SYS(clock_gettime),    // CPU time; wall time where the vDSO has no clock
      SCMP_SYS(rt_sigreturn),     // return from the handler that arms the deadline
      SCMP_SYS(restart_syscall),  // the kernel's own, when a stopped process goes on
      SCMP_SYS(exit),             // end of the last thread
      SCMP_SYS(exit_group),       // _exit
#if CLADE_SANITIZED
      SCMP_SYS(sched_yield),     // spin locks of the runtime
      SCMP_SYS(gettid),          // owner of its locks, and its reports
      SCMP_SYS(getpid),          // its reports
      SCMP_SYS(sigaltstack),     // its handler of SIGSEGV
      SCMP_SYS(rt_sigaction),    // the same, and it resets handlers before it aborts
      SCMP_SYS(rt_sigprocmask),  // blocks signals while it holds locks
      SCMP_SYS(tgkill),          // abort after a report
      SCMP_SYS(getrusage),       // memory figures in reports
      SCMP_SYS(writev),          // reports
#endif
};

#if CLADE_SANITIZED
// What the runtime tries while it writes a report: refused, but the report should get out.
constexpr std::array kRefused{SCMP_SYS(open),  SCMP_SYS(openat),  SCMP_SYS(readlink), SCMP_SYS(readlinkat),
                              SCMP_SYS(stat),  SCMP_SYS(fstat),   SCMP_SYS(lstat),    SCMP_SYS(newfstatat),
                              SCMP_SYS(ioctl), SCMP_SYS(getcwd),  SCMP_SYS(prctl),    SCMP_SYS(close),
                              SCMP_SYS(pipe),  SCMP_SYS(getppid), SCMP_SYS(lseek)};
#endif

}  // namespace

Result<std::vector<sock_filter>> system_call_filter() {
  const std::unique_ptr<void, void (*)(scmp_filter_ctx)> context(seccomp_init(SCMP_ACT_KILL_PROCESS),
                                                                 seccomp_release);
  if (!context) return failure("io", "the seccomp library has no filter for this architecture");
  // A call by the numbers of another architecture is no less forbidden.
  int status = seccomp_attr_set(context.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  for (const int number : kAllowed) {
    if (status == 0) status = seccomp_rule_add(context.get(), SCMP_ACT_ALLOW, number, 0);
  }
  // Reads its own stack limit; with a process or a new limit in the arguments it is not this call.
  if (status == 0) {
    status = seccomp_rule_add(context.get(), SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2,
                              SCMP_A0(SCMP_CMP_EQ, 0, 0), SCMP_A2(SCMP_CMP_EQ, 0, 0));
  }
#if CLADE_SANITIZED
  for (const int number : kRefused) {
    if (status == 0) status = seccomp_rule_add(context.get(), SCMP_ACT_ERRNO(EACCES), number, 0);
  }
#endif
  if (status != 0) return failure("io", "cannot make the seccomp filter: " + system_reason(-status));
  const int file = memfd_create("filter", MFD_CLOEXEC);
  if (file < 0) return failure("io", "no memory file for the seccomp filter: " + system_reason(errno));
  status = seccomp_export_bpf(context.get(), file);
  std::vector<sock_filter> filter;
  const off_t size = lseek(file, 0, SEEK_END);
  if (status == 0 && size > 0) {
    filter.resize(static_cast<size_t>(size) / sizeof(sock_filter));
    if (pread(file, filter.data(), static_cast<size_t>(size), 0) != size) filter.clear();
  }
  close(file);
  if (filter.empty()) return failure("io", "cannot export the seccomp filter: " + system_reason(-status));
  return filter;
}

int install_filter(const std::vector<sock_filter>& filter) {
  const sock_fprog program{static_cast<unsigned short>(filter.size()),
                           const_cast<sock_filter*>(filter.data())};
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0u, &program) == 0 ? 0 : errno;
}

}  // namespace clade::cell
