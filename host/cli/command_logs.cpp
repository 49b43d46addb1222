// clade logs
#include <array>
#include <cerrno>
#include <deque>
#include <memory>

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "cli/app.h"
#include "cli/command.h"
#include "cli/folder.h"
#include "cli/output.h"
#include "cli/scripts.h"

namespace clade::cli {
namespace {

struct LogsOptions {
  std::string agent;
  bool follow = false;
  int64_t lines = 100;
};

// "time level subject text"
struct LogLine {
  std::string time;
  std::string level;
  std::string subject;
  std::string text;
};

LogLine split(const std::string& line) {
  LogLine parts;
  size_t from = 0;
  for (std::string* part : {&parts.time, &parts.level, &parts.subject}) {
    const size_t end = std::min(line.find(' ', from), line.size());
    *part = line.substr(from, end - from);
    from = std::min(end + 1, line.size());
  }
  parts.text = line.substr(from);
  return parts;
}

// The log as a growing file that is renamed away now and then.
class LogFile {
 public:
  LogFile(std::string path, std::string subject) : path_(std::move(path)), subject_(std::move(subject)) {}
  ~LogFile() { close_file(); }
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;

  // Whole lines that were added since the last call, through rotations.
  std::deque<std::string> added() {
    std::deque<std::string> lines;
    if (descriptor_ < 0) descriptor_ = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    while (descriptor_ >= 0) {
      read_to_end(lines);
      struct stat ours {};
      struct stat named {};
      if (fstat(descriptor_, &ours) != 0 || stat(path_.c_str(), &named) != 0) break;
      if (ours.st_ino == named.st_ino && ours.st_dev == named.st_dev) break;
      close_file();
      descriptor_ = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    }
    return lines;
  }

 private:
  void read_to_end(std::deque<std::string>& lines) {
    std::array<char, 65536> bytes{};
    for (ssize_t size = 0; (size = read(descriptor_, bytes.data(), bytes.size())) > 0;) {
      rest_.append(bytes.data(), static_cast<size_t>(size));
      size_t from = 0;
      for (size_t end = 0; (end = rest_.find('\n', from)) != std::string::npos; from = end + 1) {
        std::string line = rest_.substr(from, end - from);
        if (subject_.empty() || split(line).subject == subject_) lines.push_back(std::move(line));
      }
      rest_.erase(0, from);
    }
  }

  void close_file() {
    if (descriptor_ >= 0) close(descriptor_);
    descriptor_ = -1;
    rest_.clear();
  }

  std::string path_;
  std::string subject_;
  std::string rest_;  // of a line that is not whole yet
  int descriptor_ = -1;
};

// False once nobody reads any more.
bool show(const std::deque<std::string>& lines, const Context& context) {
  const bool coloured = colour_wanted(STDOUT_FILENO);
  for (const std::string& line : lines) {
    const LogLine parts = split(line);
    if (context.json) {
      print_line(encode_json(
          {{"time", parts.time}, {"level", parts.level}, {"subject", parts.subject}, {"text", parts.text}}));
    } else {
      const bool bad = parts.level == "error" || parts.level == "warning";
      print_line(bad ? paint(coloured, parts.level == "error" ? Colour::red : Colour::yellow, plain(line))
                     : plain(line));
    }
  }
  return flush_output() == 0;
}

enum class Woken { changed, unread, failed };

// Waits until the watched folder changed, or nobody reads stdout any more: a pipe tells of that only to who
// polls it, and the next line to write may be hours away.
Woken wait_for_change(int watch) {
  std::array<pollfd, 2> watched = {{{watch, POLLIN, 0}, {STDOUT_FILENO, 0, 0}}};
  while (poll(watched.data(), watched.size(), -1) < 0) {
    if (errno != EINTR) return Woken::failed;
  }
  if (watched[1].revents) return Woken::unread;
  std::array<char, 4096> events{};
  return read(watch, events.data(), events.size()) > 0 || errno == EINTR ? Woken::changed : Woken::failed;
}

int follow(LogFile& file, const std::string& folder, const Context& context) {
  const int watch = inotify_init1(IN_CLOEXEC);
  if (watch < 0 ||
      inotify_add_watch(watch, state_folder(folder).c_str(), IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0) {
    const int reason = errno;
    if (watch >= 0) close(watch);
    return fail({"io", "cannot watch " + state_folder(folder) + ": " + system_reason(reason) +
                           "; without -f the log is shown as it is"});
  }
  // What came between the first look and the watch is found by looking once more.
  Woken woken = Woken::changed;
  while (woken == Woken::changed && show(file.added(), context)) woken = wait_for_change(watch);
  close(watch);
  return woken == Woken::failed ? kFailed : kOk;
}

int logs(const LogsOptions& options, const Context& context) {
  auto folder = find_swarm(context.directory);
  if (!folder) return fail(folder.error());
  if (access(log_path(*folder).c_str(), F_OK) != 0) {
    return fail({"not_found", "no log yet in " + state_folder(*folder) +
                                  ": start the swarm with `clade run " + *folder + "`"});
  }
  if (access(log_path(*folder).c_str(), R_OK) != 0) {
    return fail({"io", "cannot read " + log_path(*folder) + ": " + system_reason(errno)});
  }
  LogFile file(log_path(*folder), options.agent);
  auto lines = file.added();
  // An agent that swarm.yaml no longer has may have left lines.
  if (lines.empty() && !options.agent.empty() && options.agent != "host") {
    if (auto known = check_agent(*folder, options.agent); !known) return fail(known.error());
  }
  while (lines.size() > static_cast<size_t>(options.lines)) lines.pop_front();
  if (!show(lines, context)) return kOk;
  return options.follow ? follow(file, *folder, context) : kOk;
}

}  // namespace

void add_logs_command(Command root, Context& context) {
  auto options = std::make_shared<LogsOptions>();
  root.add("logs", "Show what the host and the agents logged",
           "clade logs\n"
           "clade logs -f builder\n"
           "clade logs -n 1000 --json")
      .optional_argument("AGENT", options->agent, "Only lines of this agent; \"host\" for the host's own")
      .flag("-f,--follow", options->follow, "Go on with what is added; Ctrl-C ends")
      .number("-n,--lines", options->lines, 1, 100000000, "The last so many lines (default 100)")
      .json()
      .action([options, &context] { return logs(*options, context); });
}

}  // namespace clade::cli
