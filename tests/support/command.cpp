#include "support/command.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <stdexcept>

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace test {
namespace {

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    read_end = ends[0];
    write_end = ends[1];
  }
  ~Pipe() {
    close_end(read_end);
    close_end(write_end);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  static void close_end(int& end) {
    if (end >= 0) close(end);
    end = -1;
  }
  int read_end = -1;
  int write_end = -1;
};

[[noreturn]] void become(const std::string& program, const std::vector<std::string>& arguments,
                         const CommandOptions& options, const Pipe& in, const Pipe& out, const Pipe& err) {
  dup2(in.read_end, STDIN_FILENO);
  dup2(out.write_end, STDOUT_FILENO);
  dup2(err.write_end, STDERR_FILENO);
  if (!options.folder.empty() && chdir(options.folder.c_str()) != 0) _exit(126);
  unsetenv("NO_COLOR");
  for (const std::string& entry : options.environment) putenv(const_cast<char*>(entry.c_str()));
  std::vector<char*> vector = {const_cast<char*>(program.c_str())};
  for (const std::string& argument : arguments) vector.push_back(const_cast<char*>(argument.c_str()));
  vector.push_back(nullptr);
  execvp(vector[0], vector.data());
  _exit(127);
}

void collect(int& descriptor, std::string& text) {
  std::array<char, 65536> bytes{};
  const ssize_t size = read(descriptor, bytes.data(), bytes.size());
  if (size > 0) {
    text.append(bytes.data(), static_cast<size_t>(size));
  } else if (size == 0 || errno != EINTR) {
    Pipe::close_end(descriptor);
  }
}

}  // namespace

CommandResult run_program(const std::string& program, const std::vector<std::string>& arguments,
                          const CommandOptions& options) {
  std::signal(SIGPIPE, SIG_IGN);  // a program need not read its input
  Pipe in;
  Pipe out;
  Pipe err;
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("no process");
  if (child == 0) {
    std::signal(SIGPIPE, SIG_DFL);
    become(program, arguments, options, in, out, err);
  }
  Pipe::close_end(in.read_end);
  Pipe::close_end(out.write_end);
  Pipe::close_end(err.write_end);
  CommandResult result;
  size_t written = 0;
  if (options.input.empty()) Pipe::close_end(in.write_end);
  while (out.read_end >= 0 || err.read_end >= 0) {
    std::array<pollfd, 3> watched = {
        {{out.read_end, POLLIN, 0}, {err.read_end, POLLIN, 0}, {in.write_end, POLLOUT, 0}}};
    if (poll(watched.data(), watched.size(), -1) < 0) continue;
    if (watched[0].revents) collect(out.read_end, result.out);
    if (watched[1].revents) collect(err.read_end, result.err);
    if (watched[2].revents) {
      const size_t part = std::min<size_t>(options.input.size() - written, 4096);
      const ssize_t size = write(in.write_end, options.input.data() + written, part);
      if (size > 0) written += static_cast<size_t>(size);
      if (size < 0 || written == options.input.size()) Pipe::close_end(in.write_end);
    }
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  result.exit = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

CommandResult run_clade(const std::vector<std::string>& arguments, const CommandOptions& options) {
  return run_program(CLADE_BINARY, arguments, options);
}

}  // namespace test
