#include "loop/process.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "loop/handle.h"
#include "loop/keeper.h"
#include "loop/stream.h"
#include "loop/timer.h"

namespace clade::loop {
namespace {

// How long output is waited for once the process itself is gone but something that it started holds its
// pipes.
constexpr int64_t kOutputGraceMs = 200;
// How long a keeper may take to end, before it is killed itself: longer than it waits for its group.
constexpr int kKeeperPatienceMs = 5000;
constexpr std::string_view kDefaultPath = "/usr/local/bin:/usr/bin:/bin";

// Two connected descriptors; of a pipe, [0] is read and [1] is written.
struct Pipe {
  int ends[2] = {-1, -1};

  Pipe() = default;
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    for (const int end : ends) {
      if (end >= 0) ::close(end);
    }
  }
  bool open() { return ::pipe2(ends, O_CLOEXEC) == 0; }
  bool open_socket() { return ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0; }
  // Moves an end out of the way of the numbers that a keeper finds its descriptors at.
  bool lift(int end) {
    const int copy = ::fcntl(ends[end], F_DUPFD_CLOEXEC, kKeeperHeld + 1);
    if (copy < 0) return false;
    ::close(std::exchange(ends[end], copy));
    return true;
  }
  int take(int end) { return std::exchange(ends[end], -1); }
};

// posix_spawn's two parameter objects. It starts the child without running code of this process in it, tells
// of a failed exec directly, and resets what the host set for itself: signal handlers, the signal mask,
// descriptors.
struct SpawnPlan {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;

  SpawnPlan() {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    sigset_t signals;
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes, &signals);
    sigfillset(&signals);
    posix_spawnattr_setsigdefault(&attributes, &signals);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (auto& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

// The program's file: a name without slash is looked up in the PATH of the given environment, else in the
// host's. Entries that are not absolute are passed over: the working folder is often somebody else's files.
std::string find_program(const ProcessOptions& options) {
  const std::string& name = options.arguments.front();
  if (name.find('/') != std::string::npos) return name;
  const char* inherited = std::getenv("PATH");
  std::string_view path = inherited ? std::string_view(inherited) : kDefaultPath;
  for (const auto& entry : options.environment) {
    if (entry.rfind("PATH=", 0) == 0) path = std::string_view(entry).substr(5);
  }
  while (!path.empty() && !name.empty()) {
    const auto entry = path.substr(0, path.find(':'));
    path.remove_prefix(std::min(path.size(), entry.size() + 1));
    if (entry.empty() || entry.front() != '/') continue;
    const std::string file = std::string(entry) + "/" + name;
    struct stat found {};
    if (::stat(file.c_str(), &found) == 0 && S_ISREG(found.st_mode) && ::access(file.c_str(), X_OK) == 0)
      return file;
  }
  return "";
}

Error cannot_run(const std::string& file, int reason) {
  return {reason == ENOENT ? "not_found" : "io", "cannot run " + file + ": " + system_reason(reason)};
}

Status check_options(const ProcessOptions& options) {
  if (options.arguments.empty()) return failure("invalid", "no program given: the argument list is empty");
  // A NUL would end the argument early in the child: it would run another command than the one that was
  // allowed.
  for (const auto* texts : {&options.arguments, &options.environment}) {
    for (const auto& text : *texts) {
      if (text.find('\0') != std::string::npos) {
        return failure("invalid",
                       "an argument of " + options.arguments.front().substr(0, 64) + " holds a NUL byte");
      }
    }
  }
  struct stat found {};
  if (!options.folder.empty() && (::stat(options.folder.c_str(), &found) != 0 || !S_ISDIR(found.st_mode))) {
    return failure(
        "io", "cannot start " + options.arguments.front() + " in " + options.folder + ": no such folder");
  }
  return {};
}

// What is known of a process once it is reaped.
struct Remains {
  int status = 0;
  int64_t cpu_us = 0;
};

// The child until it is reaped, which may be after its Process is gone: the loop owns it. The zombie is kept
// until somebody asks for its status, so that its process group's number cannot be given to others while it
// is still signalled.
struct Child : Handle {
  void start(Loop& loop, int process, int process_descriptor) {
    pid = process;
    descriptor = process_descriptor;
    const int status = uv_poll_init(loop.uv(), &poll, descriptor);
    attach_owner(this, &poll);
    check(status, "cannot watch a process");
    uv_poll_start(&poll, UV_READABLE, [](uv_poll_t* handle, int, int) {
      auto* child = static_cast<Child*>(static_cast<Handle*>(handle->data));
      uv_poll_stop(handle);
      if (child->closing) {
        child->reap();
      } else {
        call_slot(child, child->on_end);
      }
    });
  }

  // Lets the loop reap the child, of which nobody wants to know any more, when it is gone.
  void orphan() {
    closing = true;
    on_end = nullptr;
    // A poll that has fired would not fire again.
    if (!uv_is_active(reinterpret_cast<uv_handle_t*>(&poll))) reap();
  }

  // Takes the exit status, waiting if the process is not gone yet, and gives this to the loop to delete.
  Remains reap() {
    Remains remains;
    rusage used{};
    while (::wait4(pid, &remains.status, 0, &used) < 0 && errno == EINTR) {
    }
    remains.cpu_us = int64_t{used.ru_utime.tv_sec + used.ru_stime.tv_sec} * 1000000 + used.ru_utime.tv_usec +
                     used.ru_stime.tv_usec;
    on_end = nullptr;
    uv_poll_stop(&poll);
    ::close(descriptor);
    close_handle(this, &poll);
    return remains;
  }

  // Only an orphan, already told to end, is left open when the loop ends. Waits for it, but not for ever.
  void abandon() override {
    pollfd entry{descriptor, POLLIN, 0};
    int count = 0;
    do {
      count = ::poll(&entry, 1, kKeeperPatienceMs);
    } while (count < 0 && errno == EINTR);
    if (count == 0) ::kill(pid, SIGKILL);
    reap();
  }

  uv_poll_t poll{};
  int pid = -1;
  int descriptor = -1;  // of the process: readable once it ended
  std::function<void()> on_end;
};

}  // namespace

struct Process::State {
  State(Loop& loop, OnExit called, size_t bytes)
      : grace(loop), patience(loop), on_exit(std::move(called)), limit(bytes) {}
  ~State() {
    if (!child) return;
    end_group();
    child->orphan();
  }

  void collect(Loop& loop, int descriptor, std::optional<Stream>& stream, std::string& kept) {
    stream.emplace(loop, descriptor);
    stream->read(
        [this, &kept](std::string_view bytes) {
          const size_t room = limit - std::min(limit, kept.size());
          if (bytes.size() > room) result.truncated = true;
          kept.append(bytes.substr(0, room));
        },
        [this, &stream](const std::string&) {
          stream.reset();
          look();
        });
  }

  void listen_to_keeper(Loop& loop, int descriptor) {
    socket = descriptor;
    reports.emplace(loop, descriptor);
    reports->read(
        [this](std::string_view bytes) {
          heard += bytes;
          KeeperReport report;
          while (heard.size() >= sizeof report) {
            std::memcpy(&report, heard.data(), sizeof report);
            heard.erase(0, sizeof report);
            hear(report);
          }
          look();
        },
        [this](const std::string&) {
          socket = -1;
          reports.reset();
          look();
        });
  }

  void hear(const KeeperReport& report) {
    if (report.kind == KeeperReport::Kind::started) {
      program = report.value;
    } else if (report.kind == KeeperReport::Kind::failed) {
      result.failure = cannot_run(file, report.value);
    } else {
      set_ended(Remains{report.value, report.cpu_us});
    }
  }

  void set_ended(std::optional<Remains> known) {
    ended = true;
    remains = known;
    grace.start(kOutputGraceMs, [this] {
      late = true;
      look();
    });
  }

  // Takes the next step, if it is time for one; the last may destroy this.
  void look() {
    if (gone && !reports && !ended) set_ended(std::nullopt);
    if (!ended || ((out || error) && !late)) return;
    // A keeper outlives its program: it ends once told to, and nothing of the group is left.
    if (!gone) {
      end_group();
    } else if (!reports) {
      finish();
    }
  }

  // Kills what is there of the group. The zombie of its first process keeps the number ours: that of a
  // program with a keeper until the keeper is told to end.
  void end_group() {
    if (!kept) {
      ::kill(-pid, SIGKILL);
    } else if (socket >= 0) {
      if (std::exchange(told, true)) return;
      if (program > 0) ::kill(-program, SIGKILL);
      ::kill(pid, SIGCONT);  // its program may have stopped it
      ::shutdown(socket, SHUT_WR);
      patience.start(kKeeperPatienceMs, [this] { ::kill(pid, SIGKILL); });
    } else if (program > 0 && !remains) {
      ::kill(-program, SIGKILL);  // somebody killed its keeper
    }
  }

  void finish() {
    grace.stop();
    patience.stop();
    out.reset();
    error.reset();
    end_group();
    const Remains reaped = std::exchange(child, nullptr)->reap();
    const Remains end = remains.value_or(reaped);
    result.cpu_us = end.cpu_us;
    if (WIFSIGNALED(end.status)) {
      result.signal = WTERMSIG(end.status);
      result.code = 128 + result.signal;
    } else {
      result.code = WEXITSTATUS(end.status);
    }
    const auto report = std::exchange(on_exit, nullptr);
    if (report) report(std::move(result));
  }

  void signal(int number) const {
    if (!child) return;
    if (kept && !gone && number == SIGKILL) ::kill(pid, SIGCONT);  // its program may have stopped it
    if (!kept) {
      ::kill(-pid, number);
    } else if (socket >= 0 && program > 0 && !told) {
      ::kill(-program, number);
    } else if (socket >= 0) {
      const auto byte = static_cast<unsigned char>(number);
      (void)!::send(socket, &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
  }

  Child* child = nullptr;  // the program or its keeper; null once reaped
  int pid = -1;            // the child's
  std::string file;        // of the program
  bool gone = false;       // the child can be reaped
  bool ended = false;      // the program
  bool late = false;       // its output is not waited for any more
  std::optional<Stream> out;
  std::optional<Stream> error;
  Timer grace;
  Timer patience;  // with a keeper that was told to end
  ProcessExit result;
  OnExit on_exit;
  size_t limit;
  // Of one with a keeper:
  bool kept = false;
  std::optional<Stream> reports;  // until the keeper's end
  int socket = -1;                // the descriptor of `reports`
  bool told = false;              // to end
  std::string heard;
  int program = -1;
  std::optional<Remains> remains;  // the program's; without a keeper, those of the child are
};

Result<Process> Process::spawn(Loop& loop, ProcessOptions options, OnExit on_exit) {
  if (auto status = check_options(options); !status) return failure(status.error());
  const std::string program = find_program(options);
  if (program.empty()) {
    return failure("not_found",
                   "no program " + options.arguments.front() + " in PATH: install it, or give its full path");
  }
  Pipe input;
  Pipe out;
  Pipe error;
  Pipe keeper;  // a socket; [1] is the keeper's
  Pipe held;
  if ((!options.input.empty() && !input.open()) || !out.open() || !error.open() ||
      (options.keeper && (!keeper.open_socket() || !keeper.lift(1)))) {
    return failure("io", "cannot make pipes for " + program + ": " + system_reason(errno));
  }

  SpawnPlan plan;
  if (options.input.empty()) {
    posix_spawn_file_actions_addopen(&plan.actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  } else {
    posix_spawn_file_actions_adddup2(&plan.actions, input.ends[0], STDIN_FILENO);
  }
  posix_spawn_file_actions_adddup2(&plan.actions, out.ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&plan.actions, error.ends[1], STDERR_FILENO);
  if (options.keeper) {
    posix_spawn_file_actions_adddup2(&plan.actions, keeper.ends[1], kKeeperSocket);
    if (options.keeper->held >= 0) {
      // A copy: the caller's may have the number of one of the two.
      held.ends[0] = ::fcntl(options.keeper->held, F_DUPFD_CLOEXEC, kKeeperHeld + 1);
      if (held.ends[0] < 0) return failure("io", "cannot keep " + program + ": " + system_reason(errno));
      posix_spawn_file_actions_adddup2(&plan.actions, held.ends[0], kKeeperHeld);
    }
  }
  const int first_closed = !options.keeper            ? STDERR_FILENO + 1
                           : options.keeper->held < 0 ? kKeeperSocket + 1
                                                      : kKeeperHeld + 1;
  posix_spawn_file_actions_addclosefrom_np(&plan.actions, first_closed);
  if (!options.folder.empty()) posix_spawn_file_actions_addchdir_np(&plan.actions, options.folder.c_str());

  const std::string& executable = options.keeper ? options.keeper->executable : program;
  if (options.keeper) options.arguments.insert(options.arguments.begin(), {"clade", "keeper", program});
  auto arguments = pointers(options.arguments);
  auto environment = pointers(options.environment);
  pid_t pid = -1;
  const int failed = ::posix_spawn(&pid, executable.c_str(), &plan.actions, &plan.attributes,
                                   arguments.data(), environment.data());
  if (failed != 0) return failure(cannot_run(executable, failed));
  // glibc 2.36 declares pidfd_open without C linkage. The descriptor is closed on exec.
  const int descriptor = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (descriptor < 0) {
    const int number = errno;
    ::close(keeper.take(0));  // the keeper ends by itself
    if (!options.keeper) ::kill(-pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return failure("io", "cannot watch " + program + ": " + system_reason(number));
  }

  auto* state = new State(loop, std::move(on_exit), options.output_bytes);
  Process process(state);
  state->pid = pid;
  state->child = new Child;
  state->child->start(loop, pid, descriptor);
  state->child->on_end = [state] {
    state->gone = true;
    state->look();
  };
  state->file = program;
  if (options.keeper) {
    state->kept = true;
    state->listen_to_keeper(loop, keeper.take(0));
  }
  state->collect(loop, out.take(0), state->out, state->result.out);
  state->collect(loop, error.take(0), state->error, state->result.error);
  if (!options.input.empty()) {
    Stream writer(loop, input.take(1));
    writer.write(std::move(options.input));
    writer.close_after_writes();
  }
  return process;
}

Process::Process(State* state) : state_(state) {}

Process::~Process() {
  delete state_;
}

Process::Process(Process&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}

Process& Process::operator=(Process&& other) noexcept {
  if (this != &other) {
    const Process replaced(std::move(*this));
    state_ = std::exchange(other.state_, nullptr);
  }
  return *this;
}

int Process::pid() const {
  return state_->pid;
}

void Process::kill(int signal) {
  state_->signal(signal);
}

}  // namespace clade::loop
