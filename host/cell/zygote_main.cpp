// The zygote's own process: one thread, one poll loop, no user's data.
#include <cerrno>
#include <csignal>
#include <map>

#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "cell/packet.h"
#include "cell/sandbox.h"
#include "cell/system_calls.h"
#include "cell/vm/cell_main.h"
#include "cell/vm/warm.h"
#include "cell/zygote.h"

namespace clade::cell {
namespace {

int64_t microseconds(const timeval& time) {
  return static_cast<int64_t>(time.tv_sec) * 1000000 + time.tv_usec;
}

class Nursery {
 public:
  Nursery(int socket, const Sandbox& sandbox, vm::Warm& warm)
      : socket_(socket), sandbox_(sandbox), warm_(warm) {
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGCHLD);
    // A cell takes these once it has its handlers; until then they wait.
    sigaddset(&blocked, SIGUSR1);
    sigaddset(&blocked, SIGPROF);
    sigprocmask(SIG_BLOCK, &blocked, nullptr);
    sigset_t children;
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    children_ = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
    // −1 on a kernel without pidfds (before 5.3): then a cell that is born while the zygote dies lives on
    // until it reads.
    self_ = static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0));
  }

  ~Nursery() {
    for (const auto& [pid, id] : ids_) ::kill(pid, SIGKILL);
    while (!ids_.empty() && reap_one(0)) {
    }
    close(children_);
    if (self_ >= 0) close(self_);
  }

  // Serves the host until it is gone. Returns the exit status.
  int serve() {
    if (children_ < 0 || !send({{"t", "ready"}, {"layers", layers()}})) return 1;
    pollfd entries[] = {{socket_, POLLIN, 0}, {children_, POLLIN, 0}};
    for (;;) {
      if (poll(entries, 2, -1) < 0 && errno != EINTR) return 1;
      if (entries[1].revents != 0) {
        signalfd_siginfo info{};
        while (read(children_, &info, sizeof info) > 0) {
        }
        while (reap_one(WNOHANG)) {
        }
      }
      if (entries[0].revents != 0) {
        auto packet = receive_packet(socket_);
        if (!packet || packet->value.is_nil()) return 0;
        handle(*packet);
      }
    }
  }

 private:
  Value layers() const {
    Value list{Value::Array{}};
    for (const auto& layer : sandbox_.layers()) list.push({{"name", layer.name}, {"missing", layer.missing}});
    return list;
  }

  bool send(const Value& message) { return send_packet(socket_, message).has_value(); }

  void handle(const Packet& packet) {
    const std::string& kind = packet.value["t"].as_string();
    const int64_t id = packet.value["id"].as_integer();
    if (kind == "spawn") {
      spawn(packet, id);
      if (packet.passed >= 0) close(packet.passed);
      return;
    }
    const auto pid = pids_.find(id);
    if (kind == "kill" && pid != pids_.end()) ::kill(pid->second, SIGKILL);
    if (kind == "interrupt") {
      if (pid != pids_.end()) ::kill(pid->second, SIGUSR1);
      send({{"t", "interrupted"}, {"id", id}});
    }
  }

  void spawn(const Packet& packet, int64_t id) {
    const CellLimits limits{packet.value["memory_mb"].as_integer(), packet.value["cpu_ms"].as_integer()};
    const pid_t pid = sandbox_.fork();
    if (pid == 0) become_cell(packet.passed, limits);
    if (pid < 0) {
      send({{"t", "failed"}, {"id", id}, {"error", "cannot fork a cell: " + system_reason(errno)}});
      return;
    }
    pids_[id] = pid;
    ids_[pid] = id;
    send({{"t", "born"}, {"id", id}, {"pid", static_cast<int64_t>(pid)}});
  }

  [[noreturn]] void become_cell(int socket, const CellLimits& limits) {
    if (!sandbox_.confine(socket, limits, self_)) _exit(kNotShutIn);
    vm::install_interrupt_handlers();
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    if (!sandbox_.seal()) _exit(kNotShutIn);
    _exit(vm::serve_cell(kCellDescriptor, {static_cast<size_t>(limits.memory_mb) << 20, &warm_}));
  }

  // Reports one ended cell; false if there is none (with WNOHANG: none yet).
  bool reap_one(int flags) {
    int status = 0;
    rusage usage{};
    const pid_t pid = wait4(-1, &status, flags, &usage);
    if (pid < 0 && errno == EINTR) return true;
    if (pid <= 0) return false;
    const auto entry = ids_.find(pid);
    if (entry == ids_.end()) return true;
    const int64_t id = entry->second;
    ids_.erase(entry);
    pids_.erase(id);
    send({{"t", "exit"},
          {"id", id},
          {"code", WIFEXITED(status) ? WEXITSTATUS(status) : 0},
          {"signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0},
          {"memory_kb", static_cast<int64_t>(usage.ru_maxrss)},
          {"cpu_us", microseconds(usage.ru_utime) + microseconds(usage.ru_stime)}});
    return true;
  }

  int socket_;
  const Sandbox& sandbox_;
  vm::Warm& warm_;
  int children_ = -1;
  int self_ = -1;  // pidfd of this process: a cell asks it whether the zygote still lives
  std::map<int64_t, pid_t> pids_;
  std::map<pid_t, int64_t> ids_;
};

}  // namespace

int zygote_main(int descriptor) {
  const Sandbox sandbox = Sandbox::prepare();
  vm::Warm warm;
  warm.prepare();
  // Again: the change of user cleared what was set before the exec. A host that died meanwhile left a closed
  // socket.
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  const int status = Nursery(descriptor, sandbox, warm).serve();
  // A sanitizer looks for leaks at the end, through a /proc that is not there any more.
  if (kSanitized) _exit(status);
  return status;
}

}  // namespace clade::cell
