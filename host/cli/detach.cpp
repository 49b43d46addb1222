#include "cli/detach.h"

#include <array>
#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"

namespace clade::cli {
namespace {

void point_at_nothing(int descriptor) {
  const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (nothing < 0) return;
  dup2(nothing, descriptor);
  close(nothing);
}

struct Pipe {
  int read_end = -1;
  int write_end = -1;
};

Status open_pipe(Pipe& pipe) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return failure("io", "cannot make a pipe: " + system_reason(errno));
  pipe = {ends[0], ends[1]};
  return {};
}

[[noreturn]] void be_child(const Pipe& ready, const Pipe& errors, const std::function<int(int)>& function) {
  close(ready.read_end);
  close(errors.read_end);
  setsid();
  point_at_nothing(STDIN_FILENO);
  point_at_nothing(STDOUT_FILENO);
  // Not the parent's own stderr: whoever reads that waits for its end, and what this process starts keeps it
  // open.
  dup2(errors.write_end, STDERR_FILENO);
  close(errors.write_end);
  const int status = function(ready.write_end);
  std::fflush(nullptr);
  _exit(status);
}

// Passes on what has been written; false at the end.
bool copy_errors(int descriptor) {
  std::array<char, 4096> bytes{};
  const ssize_t size = read(descriptor, bytes.data(), bytes.size());
  if (size > 0) (void)!write(STDERR_FILENO, bytes.data(), static_cast<size_t>(size));
  return size > 0 || (size < 0 && errno == EINTR);
}

// True once the child has announced itself, false if it went without.
bool wait_until_ready(int ready, int errors) {
  std::array<pollfd, 2> watched = {{{ready, POLLIN, 0}, {errors, POLLIN, 0}}};
  for (;;) {
    if (poll(watched.data(), watched.size(), -1) < 0) {
      if (errno == EINTR) continue;
      return false;
    }
    if (watched[1].revents && !copy_errors(errors)) watched[1].fd = -1;
    if (watched[0].revents) {
      char word = 0;
      return read(ready, &word, 1) == 1;
    }
  }
}

}  // namespace

Result<Detached> detach(const std::function<int(int descriptor)>& function) {
  Pipe ready;
  Pipe errors;
  if (auto opened = open_pipe(ready); !opened) return failure(opened.error());
  if (auto opened = open_pipe(errors); !opened) {
    close(ready.read_end);
    close(ready.write_end);
    return failure(opened.error());
  }
  std::fflush(nullptr);
  const pid_t child = fork();
  const int reason = errno;
  if (child == 0) be_child(ready, errors, function);
  close(ready.write_end);
  close(errors.write_end);
  Detached detached{child, 0};
  if (child > 0 && !wait_until_ready(ready.read_end, errors.read_end)) {
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    detached.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    // What it said last; a process that it started may hold the other end open, so no end is waited for.
    fcntl(errors.read_end, F_SETFL, O_NONBLOCK);
    while (copy_errors(errors.read_end)) {
    }
  }
  close(ready.read_end);
  close(errors.read_end);
  if (child < 0) return failure("io", "cannot start a process: " + system_reason(reason));
  return detached;
}

void announce_ready(int descriptor) {
  if (descriptor < 0) return;
  const char word = 'r';
  (void)!write(descriptor, &word, 1);
  close(descriptor);
  point_at_nothing(STDERR_FILENO);
}

}  // namespace clade::cli
