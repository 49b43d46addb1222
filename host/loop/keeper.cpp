#include "loop/keeper.h"

#include <array>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace clade::loop {
namespace {

constexpr int kStragglerMs = 1;
constexpr int kStragglersMs = 2000;

void tell(KeeperReport::Kind kind, int value, int64_t cpu_us = 0) {
  const KeeperReport report{kind, value, cpu_us};
  // A host that is gone is seen where its commands are read.
  while (::send(kKeeperSocket, &report, sizeof report, MSG_NOSIGNAL) < 0 && errno == EINTR) {
  }
}

bool host_is_there() {
  char byte = 0;
  const ssize_t size = ::recv(kKeeperSocket, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return size > 0 || (size < 0 && (errno == EAGAIN || errno == EINTR));
}

[[noreturn]] void become_program(pid_t keeper, char** arguments) {
  ::setpgid(0, 0);
  // For a keeper that is killed itself: then at least the program goes with it.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (::getppid() != keeper) ::_exit(127);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execv(arguments[0], arguments + 1);
  tell(KeeperReport::Kind::failed, errno);
  ::_exit(127);
}

// The program's pipes are its own: their ends must not wait for the keeper.
void let_go_of_standard_descriptors() {
  const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int standard = STDIN_FILENO; standard <= STDERR_FILENO; ++standard) {
    if (nothing >= 0) {
      ::dup2(nothing, standard);
    } else {
      ::close(standard);
    }
  }
  if (nothing >= 0) ::close(nothing);
}

class Keeping {
 public:
  Keeping(pid_t program, int children) : program_(program), children_(children) {}

  // Serves the host until it hangs up or is gone.
  void serve() {
    std::array<pollfd, 2> entries = {{{kKeeperSocket, POLLIN, 0}, {children_, POLLIN, 0}}};
    for (;;) {
      if (::poll(entries.data(), entries.size(), -1) < 0) continue;  // EINTR: nothing else can be wrong
      if (entries[1].revents != 0) look_at_children();
      if (entries[0].revents != 0 && !pass_signals()) return;
    }
  }

  // Kills what is left of the group and waits for it, as their subreaper also for those whose parents died.
  // One whose parent left the group and lives is that one's to reap: a zombie, which does nothing any more
  // and is not waited for for ever.
  void end_group() const {
    for (int waited_ms = 0; waited_ms < kStragglersMs; waited_ms += kStragglerMs) {
      ::kill(-program_, SIGKILL);
      while (::waitpid(-program_, nullptr, WNOHANG) > 0) {
      }
      if (::kill(-program_, 0) != 0 && errno == ESRCH) return;
      ::poll(nullptr, 0, kStragglerMs);
    }
  }

 private:
  void look_at_children() {
    signalfd_siginfo drained{};
    while (::read(children_, &drained, sizeof drained) > 0) {
    }
    while (!ended_) {
      siginfo_t found{};
      rusage used{};
      // glibc's waitid gives no usage. The program itself is not reaped yet, so that the number of its group
      // cannot be given to others while it is still signalled.
      if (::syscall(SYS_waitid, P_ALL, 0, &found, WEXITED | WNOHANG | WNOWAIT, &used) != 0) return;
      if (found.si_pid == 0) return;
      if (found.si_pid != program_) {
        ::waitpid(found.si_pid, nullptr, WNOHANG);
        continue;
      }
      ended_ = true;
      const int status = found.si_code == CLD_EXITED ? (found.si_status & 0xff) << 8 : found.si_status;
      tell(KeeperReport::Kind::ended, status,
           int64_t{used.ru_utime.tv_sec + used.ru_stime.tv_sec} * 1000000 + used.ru_utime.tv_usec +
               used.ru_stime.tv_usec);
    }
  }

  bool pass_signals() const {
    std::array<unsigned char, 64> signals{};
    const ssize_t size = ::recv(kKeeperSocket, signals.data(), signals.size(), MSG_DONTWAIT);
    if (size < 0) return errno == EAGAIN || errno == EINTR;
    for (ssize_t index = 0; index < size; ++index) ::kill(-program_, signals[static_cast<size_t>(index)]);
    return size > 0;
  }

  pid_t program_;
  int children_;  // signalfd: readable when a child has ended
  bool ended_ = false;
};

}  // namespace

int keeper_main(char** arguments) {
  // Nothing that the program's side sends stops the keeper, short of SIGKILL.
  sigset_t all;
  sigfillset(&all);
  ::sigprocmask(SIG_BLOCK, &all, nullptr);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  sigset_t children;
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  const int ended = ::signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
  for (const int own : {kKeeperSocket, kKeeperHeld}) ::fcntl(own, F_SETFD, FD_CLOEXEC);
  if (!host_is_there()) return 1;
  const pid_t self = ::getpid();
  const pid_t program = ended < 0 ? -1 : ::fork();
  if (program == 0) become_program(self, arguments);
  if (program < 0) {
    tell(KeeperReport::Kind::failed, errno);
    return 1;
  }
  // Here too: whichever comes first, no signal may miss the group. Fails once the program runs, harmlessly.
  ::setpgid(program, program);
  tell(KeeperReport::Kind::started, program);
  let_go_of_standard_descriptors();
  Keeping keeping(program, ended);
  keeping.serve();
  keeping.end_group();
  return 0;
}

}  // namespace clade::loop
