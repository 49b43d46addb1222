// The commands' side of the control socket: plain blocking sockets, no loop.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "cli/control.h"
#include "cli/folder.h"
#include "cli/lock.h"
#include "cli/output.h"

namespace clade::cli {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  operator int() const { return number_; }

 private:
  int number_;
};

Error no_host(const std::string& folder) {
  return {"no_host", "no host runs in " + folder + ": start one with `clade run " + folder + "`"};
}

Error broken(const std::string& what) {
  return {"io",
          "the host " + what + ": see `clade logs` for what it does, and `clade status` for whether it runs"};
}

// `name` below the folder that `state` refers to: the path of a socket may be too long for its address
// otherwise.
int connect_below(int state, const char* name, int descriptor) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = "/proc/self/fd/" + std::to_string(state) + "/" + name;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  int status = 0;
  do {
    status = connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  } while (status != 0 && errno == EINTR);
  return status;
}

// The host's: what is said of it, and for how long it may last.
class Silence {
 public:
  Silence(const std::string& folder, int descriptor, const Patience& patience)
      : folder_(folder), descriptor_(descriptor), patience_(patience) {
    limit(patience.until_note_ms);
  }

  // A call on the descriptor ran out of time: goes on, and says so, or gives up with an error.
  Status ran_out() {
    const int pid = Lock::holder(folder_);
    const std::string process = std::to_string(pid);
    const bool stopped = is_stopped(pid);
    const std::string host = pid > 0 ? "the host (process " + process + ")" : "the host";
    const std::string wake = "is stopped: `kill -CONT " + process + "` lets it go on";
    if (std::exchange(noted_, true)) {
      const std::string silent = host + " has not answered for " +
                                 format_number(static_cast<double>(patience_.most_ms) / 1000, 0) + " s";
      if (stopped) return failure("io", silent + " and " + wake);
      return failure("io", silent + ": `clade logs` tells what it did last" +
                               (pid > 0 ? "; if it hangs, `kill -KILL " + process +
                                              "` ends it, and the next `clade run` takes its work up again"
                                        : ""));
    }
    note(host + " does not answer" + (stopped ? " and " + wake : "") + "; waiting …");
    limit(patience_.most_ms - patience_.until_note_ms);
    return {};
  }

 private:
  void limit(int64_t ms) const {
    ms = std::max<int64_t>(1, ms);  // 0 would be for ever
    const timeval time{ms / 1000, ms % 1000 * 1000};
    (void)setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
    (void)setsockopt(descriptor_, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time));
  }

  const std::string& folder_;
  int descriptor_;
  Patience patience_;
  bool noted_ = false;
};

Status send_all(int descriptor, std::string_view bytes, Silence& silence) {
  while (!bytes.empty()) {
    const ssize_t sent = send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<size_t>(sent));
    } else if (errno == EAGAIN) {
      if (auto status = silence.ran_out(); !status) return status;
    } else if (errno == EPIPE || errno == ECONNRESET) {
      return {};  // it may have said why before it closed
    } else if (errno != EINTR) {
      return failure(broken("cannot be written to (" + system_reason(errno) + ")"));
    }
  }
  return {};
}

Result<std::string> receive_line(int descriptor, Silence& silence) {
  std::string line;
  std::array<char, 65536> bytes{};
  for (;;) {
    const ssize_t size = recv(descriptor, bytes.data(), bytes.size(), 0);
    if (size > 0) {
      line.append(bytes.data(), static_cast<size_t>(size));
      if (const size_t end = line.find('\n'); end != std::string::npos) return line.substr(0, end);
      if (line.size() > kControlAnswerBytes)
        return failure(broken("sent an answer that is longer than 64 MB"));
    } else if (size == 0 || errno == ECONNRESET) {
      return failure(broken("closed the connection before it answered"));
    } else if (errno == EAGAIN) {
      if (auto status = silence.ran_out(); !status) return failure(status.error());
    } else if (errno != EINTR) {
      return failure(broken("cannot be read from (" + system_reason(errno) + ")"));
    }
  }
}

}  // namespace

Error too_large(const std::string& what) {
  return {"limit", what + " is larger than " + std::to_string(kControlLineBytes >> 20) +
                       " MB, the most that a host takes at once: put the data into a file that the agent may "
                       "read, e.g. below knowledge/, and name the file instead"};
}

Result<Value> request(const std::string& folder, const std::string& command, const Value& args,
                      const Patience& patience) {
  const std::string line = encode_json({{"command", command}, {"args", args}});
  if (line.size() > kControlLineBytes) return failure(too_large("the request " + command));
  const Descriptor state(open(state_folder(folder).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (state < 0) return failure(no_host(folder));
  const Descriptor descriptor(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (descriptor < 0) return failure("io", "cannot make a socket: " + system_reason(errno));
  Silence silence(folder, descriptor, patience);
  while (connect_below(state, "socket", descriptor) != 0) {
    if (errno == EAGAIN) {  // others wait already, as many as there may be
      if (auto status = silence.ran_out(); !status) return failure(status.error());
      continue;
    }
    if (errno == ENOENT || errno == ECONNREFUSED) return failure(no_host(folder));
    return failure("io", "cannot reach the host on " + socket_path(folder) + ": " + system_reason(errno) +
                             "; only the user who started it may");
  }
  if (auto sent = send_all(descriptor, line + "\n", silence); !sent) {
    return failure(sent.error());
  }
  auto received = receive_line(descriptor, silence);
  if (!received) return failure(received.error());
  auto answer = decode_json(*received, CodecLimits{kControlAnswerBytes, kControlDepth});
  if (!answer) return failure(broken("sent an answer that is no JSON (" + answer.error().message + ")"));
  if ((*answer)["ok"].as_bool()) return (*answer)["data"];
  const Value& error = (*answer)["error"];
  return failure(error["code"].as_string(), error["message"].as_string());
}

}  // namespace clade::cli
