#include "cell/zygote.h"

#include <cerrno>
#include <csignal>
#include <deque>
#include <map>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "cell/packet.h"
#include "cell/protocol.h"
#include "cell/sandbox.h"
#include "loop/stream.h"
#include "loop/timer.h"

namespace clade::cell {
namespace {

// The zygote's socket after the exec; everything above is closed.
constexpr int kZygoteDescriptor = 3;
constexpr int kStartTimeoutMs = 10000;
constexpr int kEndTimeoutMs = 2000;

// Between fork and exec: system calls only, for other threads may hold any lock.
[[noreturn]] void become_zygote(int socket, pid_t host, const char* executable, char* const* arguments) {
  // The terminal's Ctrl-C is the host's to handle.
  setsid();
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (getppid() != host) _exit(127);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int number = 1; number < NSIG; ++number) std::signal(number, SIG_DFL);
  rlimit stack{};
  getrlimit(RLIMIT_STACK, &stack);
  stack.rlim_cur = std::min(static_cast<rlim_t>(kStackBytes), stack.rlim_max);
  setrlimit(RLIMIT_STACK, &stack);
  // The socket may itself be among the descriptors that are replaced.
  const int safe = fcntl(socket, F_DUPFD, kZygoteDescriptor + 1);
  const int nothing = open("/dev/null", O_RDWR);
  for (int standard = 0; standard < 3; ++standard) {
    // stderr is kept: it is where a sanitizer or the C library says why a process ended.
    if (standard == 2 && fcntl(2, F_GETFD) >= 0) continue;
    if (nothing >= 0) dup2(nothing, standard);
  }
  dup2(safe, kZygoteDescriptor);
  close_range(kZygoteDescriptor + 1, ~0u, 0);
  char* const environment[] = {nullptr};
  execve(executable, arguments, environment);
  _exit(127);
}

bool wait_readable(int descriptor, int timeout_ms) {
  pollfd entry{descriptor, POLLIN, 0};
  int count = 0;
  do {
    count = poll(&entry, 1, timeout_ms);
  } while (count < 0 && errno == EINTR);
  return count > 0;
}

// Waits for the zygote to end by itself, now that its socket is closed; kills it if it does not.
void reap(pid_t pid) {
  const int watched = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (watched < 0 || !wait_readable(watched, kEndTimeoutMs)) kill(pid, SIGKILL);
  if (watched >= 0) close(watched);
  while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace

struct Zygote::State {
  struct Cell {
    OnExit on_exit;
    int pid = 0;                                   // once it is born
    std::deque<std::function<void()>> interrupts;  // in flight: what to call once delivered
  };
  struct Outgoing {
    Value message;
    int passed;
  };

  ~State() {
    for (const auto& entry : outgoing) drop(entry);
    stream.reset();  // closes the socket where attached
    if (!attached && socket >= 0) close(socket);
    if (pid > 0) reap(pid);
  }

  static void drop(const Outgoing& entry) {
    if (entry.passed >= 0) close(entry.passed);
  }

  // Sends, or queues while the zygote is busy: the loop must not wait.
  void send(Value message, int passed = -1) {
    outgoing.push_back({std::move(message), passed});
    flush();
  }

  void flush() {
    while (!outgoing.empty()) {
      const Outgoing& entry = outgoing.front();
      const Status sent = send_packet(socket, entry.message, entry.passed, false);
      if (!sent && sent.error().code == "again") {
        retry->start(1, [this] { flush(); });
        return;
      }
      // Any other failure: the zygote is gone, and the end of its stream tells everyone.
      drop(entry);
      outgoing.pop_front();
    }
  }

  void received(std::string_view bytes) {
    reader.feed(bytes);
    for (;;) {
      auto message = reader.next();
      if (!message) return died("it sent something that is no message: " + message.error().message);
      if (message->is_nil()) return;
      handle(*message);
    }
  }

  void handle(const Value& message) {
    const auto entry = cells.find(static_cast<uint64_t>(message["id"].as_integer()));
    if (entry == cells.end()) return;  // abandoned
    const std::string& kind = message["t"].as_string();
    if (kind == "born") {
      entry->second.pid = static_cast<int>(message["pid"].as_integer());
    } else if (kind == "interrupted" && !entry->second.interrupts.empty()) {
      auto delivered = std::move(entry->second.interrupts.front());
      entry->second.interrupts.pop_front();
      if (delivered) delivered();
    } else if (kind == "exit" || kind == "failed") {
      CellExit exit;
      exit.code = static_cast<int>(message["code"].as_integer());
      exit.signal = static_cast<int>(message["signal"].as_integer());
      exit.memory_kb = message["memory_kb"].as_integer();
      exit.cpu_us = message["cpu_us"].as_integer();
      exit.failure = message["error"].as_string();
      auto on_exit = std::move(entry->second.on_exit);
      cells.erase(entry);
      if (on_exit) on_exit(std::move(exit));
    }
  }

  // Once. The cells are dying too: their parent's death kills them.
  void died(const std::string& reason) {
    if (dead) return;
    dead = true;
    // The stream may be calling this: it goes with this object.
    stream->pause();
    auto left = std::exchange(cells, {});
    for (auto& [id, cell] : left) {
      CellExit exit;
      exit.signal = SIGKILL;
      exit.failure = "the zygote, which forks cells, ended: " + reason;
      if (cell.on_exit) cell.on_exit(std::move(exit));
    }
    // It may destroy this object.
    if (auto report = std::move(on_death)) report(reason);
  }

  pid_t pid = -1;
  int socket = -1;  // of the stream, once attached
  bool attached = false;
  bool dead = false;
  std::vector<Layer> layers;
  std::optional<loop::Stream> stream;
  std::optional<loop::Timer> retry;
  FrameReader reader;
  std::deque<Outgoing> outgoing;
  std::map<uint64_t, Cell> cells;
  uint64_t last_id = 0;
  std::function<void(const std::string&)> on_death;
};

Zygote::Zygote(std::unique_ptr<State> state) : state_(std::move(state)) {}
Zygote::~Zygote() = default;
Zygote::Zygote(Zygote&&) noexcept = default;
Zygote& Zygote::operator=(Zygote&&) noexcept = default;

Result<Zygote> Zygote::start(const std::string& executable) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return failure("io", "no socket for the zygote, which forks cells: " + system_reason(errno));
  }
  std::string name = "clade";
  std::string verb = "cell-zygote";
  std::string number = std::to_string(kZygoteDescriptor);
  char* const arguments[] = {name.data(), verb.data(), number.data(), nullptr};
  const pid_t host = getpid();
  const pid_t child = fork();
  if (child == 0) become_zygote(ends[1], host, executable.c_str(), arguments);
  close(ends[1]);
  auto state = std::make_unique<State>();
  state->socket = ends[0];
  state->pid = child;
  if (child < 0) return failure("io", "cannot fork the zygote, which forks cells: " + system_reason(errno));
  auto ready =
      wait_readable(ends[0], kStartTimeoutMs)
          ? receive_packet(ends[0])
          : Result<Packet>(failure("io", "it said nothing for " + std::to_string(kStartTimeoutMs) + " ms"));
  if (!ready || ready->value["t"].as_string() != "ready") {
    return failure("io",
                   "the zygote, which forks cells, did not start: " +
                       (ready ? "cannot run " + executable + " (is /proc mounted?)" : ready.error().message));
  }
  for (const auto& layer : ready->value["layers"].as_array()) {
    state->layers.push_back({layer["name"].as_string(), layer["missing"].as_string()});
  }
  return Zygote(std::move(state));
}

void Zygote::attach(loop::Loop& loop, std::function<void(const std::string&)> on_death) {
  State* state = state_.get();
  state->on_death = std::move(on_death);
  state->stream.emplace(loop, state->socket);
  state->retry.emplace(loop);
  state->attached = true;
  state->stream->read(
      [state](std::string_view bytes) { state->received(bytes); },
      [state](const std::string& reason) { state->died(reason.empty() ? "it closed its socket" : reason); });
}

Result<CellProcess> Zygote::spawn(const CellLimits& limits, OnExit on_exit) {
  if (!state_->attached || state_->dead) {
    return failure("io",
                   "no cell: the zygote, which forks them, has ended; stop the host and start it again");
  }
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return failure("io", "no socket for a cell: " + system_reason(errno) + "; see `ulimit -n`");
  }
  const uint64_t id = ++state_->last_id;
  state_->cells[id].on_exit = std::move(on_exit);
  const int passed = ends[1];
  state_->send({{"t", "spawn"},
                {"id", static_cast<int64_t>(id)},
                {"memory_mb", limits.memory_mb},
                {"cpu_ms", limits.cpu_ms}},
               passed);
  return CellProcess{id, ends[0]};
}

int Zygote::pid_of(uint64_t cell) const {
  const auto entry = state_->cells.find(cell);
  return entry == state_->cells.end() ? 0 : entry->second.pid;
}

void Zygote::kill(uint64_t cell) {
  if (state_->cells.count(cell)) state_->send({{"t", "kill"}, {"id", static_cast<int64_t>(cell)}});
}

void Zygote::abandon(uint64_t cell) {
  kill(cell);
  state_->cells.erase(cell);
}

void Zygote::interrupt(uint64_t cell, std::function<void()> delivered) {
  const auto entry = state_->cells.find(cell);
  if (entry == state_->cells.end()) return;
  entry->second.interrupts.push_back(std::move(delivered));
  state_->send({{"t", "interrupt"}, {"id", static_cast<int64_t>(cell)}});
}

const std::vector<Layer>& Zygote::layers() const {
  return state_->layers;
}

int Zygote::pid() const {
  return state_->pid;
}

}  // namespace clade::cell
