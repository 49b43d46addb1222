// The same life cycles in other systems, each step durable before it is acknowledged: payloads of 200 bytes,
// batches of 1, 50 and 500, four in flight, over unix sockets. `./dev setup --bench` brings the programs;
// each runs in a folder of its own, and ends with this process.
//   redis_batch_N       redis-server, appendfsync always: XADD, XREADGROUP, XACK and XDEL
//   beanstalkd_batch_N  beanstalkd, -f 0: put, reserve, delete
//   tarantool_batch_N   tarantool, wal_mode fsync: insert, update of the first one waiting, delete, by 4 × N
//   fibers
//                       within it (peers_tarantool.lua)
#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loop/local_socket.h"
#include "support/core.h"
#include "support/disk.h"
#include "support/print.h"
#include "support/swarm.h"

namespace {

using bench::fail;

constexpr int kInFlight = 4;  // batches
constexpr int kConnectMs = 5;

std::string program(const std::string& name) {
  const auto build = std::filesystem::path(CLADE_BINARY).parent_path().parent_path();
  const std::string path = build / "peers/usr/bin" / name;
  if (!std::filesystem::exists(path))
    fail("no " + name + " in " + path + ": `./dev setup --bench` puts it there");
  return path;
}

// A server in a folder of its own, killed and removed at the end.
class Server {
 public:
  Server(const std::string& name, std::vector<std::string> arguments) : folder_(bench::scratch(name)) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    arguments.insert(arguments.begin(), program(name));
    std::vector<char*> words;
    for (auto& argument : arguments) words.push_back(argument.data());
    words.push_back(nullptr);
    process_ = ::fork();
    if (process_ < 0) fail("cannot start a process");
    if (process_ > 0) return;
    const int output = ::open((folder_ + "/output").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ::dup2(output, STDOUT_FILENO);
    ::dup2(output, STDERR_FILENO);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (::chdir(folder_.c_str()) == 0) ::execv(words[0], words.data());
    ::_exit(127);
  }
  ~Server() {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  clade::loop::Descriptor connect() const {
    for (;;) {
      if (auto socket = clade::loop::connect_local(folder_ + "/socket")) return std::move(*socket);
      if (::waitpid(process_, nullptr, WNOHANG) != 0) fail("it ended at once: see " + folder_ + "/output");
      ::poll(nullptr, 0, kConnectMs);
    }
  }

 private:
  std::string folder_;
  pid_t process_ = -1;
};

enum class Step { add, claim, complete };

// What is sent for a step of a batch, and how answers are read.
class Protocol {
 public:
  virtual ~Protocol() = default;
  virtual std::string request(Step step, int size) = 0;
  virtual int answers(Step step, int size) const = 0;
  // Takes an answer that begins at `at`, and moves it behind that; false while it is not whole.
  virtual bool take(Step step, const std::string& bytes, size_t& at) = 0;
};

class Redis final : public Protocol {
 public:
  std::string request(Step step, int size) override {
    const std::string payload(bench::kPayloadBytes, 'x');
    std::string text;
    if (step == Step::add) {
      for (int n = 0; n < size; ++n) text += command({"XADD", "tasks", "*", "text", payload});
    } else if (step == Step::claim) {
      ids_.clear();
      text = command(
          {"XREADGROUP", "GROUP", "workers", "one", "COUNT", std::to_string(size), "STREAMS", "tasks", ">"});
    } else {
      if (static_cast<int>(ids_.size()) != size) fail("redis-server gave too few tasks");
      std::vector<std::string> acknowledge = {"XACK", "tasks", "workers"};
      std::vector<std::string> remove = {"XDEL", "tasks"};
      acknowledge.insert(acknowledge.end(), ids_.begin(), ids_.end());
      remove.insert(remove.end(), ids_.begin(), ids_.end());
      text = command(acknowledge) + command(remove);
    }
    return text;
  }
  int answers(Step step, int size) const override {
    return step == Step::add ? size : step == Step::claim ? 1 : 2;
  }
  bool take(Step step, const std::string& bytes, size_t& at) override {
    std::vector<std::string> texts;
    if (!read(bytes, at, texts)) return false;
    // Of a claim: the stream, then id, "text" and payload of each task.
    for (size_t n = 1; step == Step::claim && n < texts.size(); n += 3) ids_.push_back(texts[n]);
    return true;
  }

  static std::string command(const std::vector<std::string>& words) {
    std::string text = "*" + std::to_string(words.size()) + "\r\n";
    for (const auto& word : words) text += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
    return text;
  }

 private:
  // Reads a value and collects the strings in it.
  static bool read(const std::string& bytes, size_t& at, std::vector<std::string>& texts) {
    const size_t end = bytes.find("\r\n", at);
    if (end == std::string::npos) return false;
    const std::string head = bytes.substr(at + 1, end - at - 1);
    const char kind = bytes[at];
    if (kind == '-') fail("redis-server: " + head);
    size_t next = end + 2;
    if (kind == '$') {
      const auto size = static_cast<size_t>(std::stoll(head));
      if (bytes.size() < next + size + 2) return false;
      texts.push_back(bytes.substr(next, size));
      next += size + 2;
    } else if (kind == '*') {
      for (int64_t left = std::stoll(head); left > 0; --left) {
        if (!read(bytes, next, texts)) return false;
      }
    }
    at = next;
    return true;
  }

  std::vector<std::string> ids_;
};

class Beanstalkd final : public Protocol {
 public:
  std::string request(Step step, int size) override {
    std::string text;
    if (step == Step::claim) ids_.clear();
    for (int n = 0; n < size; ++n) {
      if (step == Step::add) {
        text += "put 5 0 60 " + std::to_string(bench::kPayloadBytes) + "\r\n" +
                std::string(bench::kPayloadBytes, 'x') + "\r\n";
      } else if (step == Step::claim) {
        text += "reserve\r\n";
      } else {
        text += "delete " + ids_[static_cast<size_t>(n)] + "\r\n";
      }
    }
    return text;
  }
  int answers(Step, int size) const override { return size; }
  bool take(Step step, const std::string& bytes, size_t& at) override {
    const size_t end = bytes.find("\r\n", at);
    if (end == std::string::npos) return false;
    const std::string line = bytes.substr(at, end - at);
    const std::string expected = step == Step::add     ? "INSERTED "
                                 : step == Step::claim ? "RESERVED "
                                                       : "DELETED";
    if (line.rfind(expected, 0) != 0) fail("beanstalkd: " + line);
    size_t next = end + 2;
    if (step == Step::claim) {
      next += bench::kPayloadBytes + 2;
      if (bytes.size() < next) return false;
      ids_.push_back(line.substr(expected.size(), line.find(' ', expected.size()) - expected.size()));
    }
    at = next;
    return true;
  }

 private:
  std::vector<std::string> ids_;
};

// A connection that sends batch after batch through their steps.
class Session {
 public:
  Session(clade::loop::Descriptor socket, std::unique_ptr<Protocol> protocol, int size)
      : socket_(std::move(socket)), protocol_(std::move(protocol)), size_(size) {}
  int descriptor() const { return socket_.get(); }
  void begin(Step step) {
    step_ = step;
    left_ = protocol_->answers(step, size_);
    const std::string text = protocol_->request(step, size_);
    for (size_t done = 0; done < text.size();) {
      const ssize_t sent = ::send(descriptor(), text.data() + done, text.size() - done, MSG_NOSIGNAL);
      if (sent < 0 && errno != EINTR) fail("a peer takes no request");
      if (sent > 0) done += static_cast<size_t>(sent);
    }
  }
  // Reads what is there; true once the batch is completed.
  bool proceed() {
    std::array<char, 65536> bytes{};
    const ssize_t size = ::recv(descriptor(), bytes.data(), bytes.size(), 0);
    if (size == 0 || (size < 0 && errno != EINTR)) fail("a peer closed the connection");
    if (size > 0) buffer_.append(bytes.data(), static_cast<size_t>(size));
    size_t at = 0;
    while (left_ > 0 && protocol_->take(step_, buffer_, at)) --left_;
    buffer_.erase(0, at);
    if (left_ > 0) return false;
    if (step_ == Step::complete) return true;
    begin(step_ == Step::add ? Step::claim : Step::complete);
    return false;
  }

 private:
  clade::loop::Descriptor socket_;
  std::unique_ptr<Protocol> protocol_;
  int size_;
  Step step_ = Step::add;
  int left_ = 0;
  std::string buffer_;
};

template <typename Spoken>
void measure(const std::string& name, const Server& server, int size, int tasks) {
  std::vector<Session> sessions;
  std::vector<pollfd> watched;
  for (int n = 0; n < kInFlight; ++n) {
    sessions.emplace_back(server.connect(), std::make_unique<Spoken>(), size);
    watched.push_back({sessions.back().descriptor(), POLLIN, 0});
  }
  const int batches = tasks / size;
  int begun = 0;
  int completed = 0;
  const int64_t started = bench::steady_us();
  for (; begun < kInFlight; ++begun) sessions[static_cast<size_t>(begun)].begin(Step::add);
  while (completed < begun) {
    if (::poll(watched.data(), watched.size(), -1) < 0) fail("cannot wait for " + name);
    for (size_t n = 0; n < sessions.size(); ++n) {
      if (watched[n].revents == 0 || !sessions[n].proceed()) continue;
      ++completed;
      if (begun == batches) continue;
      ++begun;
      sessions[n].begin(Step::add);
    }
  }
  const double seconds = static_cast<double>(bench::steady_us() - started) / 1e6;
  bench::print(name + "_batch_" + std::to_string(size), completed * size / seconds, "1/s", "higher");
}

void measure_redis() {
  const Server server("redis-server", {"--port", "0", "--unixsocket", "socket", "--appendonly", "yes",
                                       "--appendfsync", "always", "--save", ""});
  {
    const auto socket = server.connect();
    const std::string create = Redis::command({"XGROUP", "CREATE", "tasks", "workers", "$", "MKSTREAM"});
    std::array<char, 64> answer{};
    if (::send(socket.get(), create.data(), create.size(), MSG_NOSIGNAL) < 0 ||
        ::recv(socket.get(), answer.data(), answer.size(), 0) < 1 || answer[0] != '+')
      fail("redis-server makes no group");
  }
  measure<Redis>("redis", server, 1, 4000);
  measure<Redis>("redis", server, 50, 60000);
  measure<Redis>("redis", server, 500, 120000);
}

void measure_beanstalkd() {
  const Server server("beanstalkd", {"-l", "unix:socket", "-b", ".", "-f", "0"});
  measure<Beanstalkd>("beanstalkd", server, 1, 1000);
  measure<Beanstalkd>("beanstalkd", server, 50, 4000);
  measure<Beanstalkd>("beanstalkd", server, 500, 8000);
}

void measure_tarantool(int size, int tasks) {
  const std::string folder = bench::scratch("tarantool");
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  const std::string command = program("tarantool") +
                              " '" CLADE_SOURCE "/tests/bench/core/peers_tarantool.lua' '" + folder + "' " +
                              std::to_string(size * kInFlight) + " " + std::to_string(tasks);
  FILE* const pipe = ::popen(command.c_str(), "r");
  double rate = 0;
  const bool read = pipe && std::fscanf(pipe, "%lf", &rate) == 1;
  if (!pipe || ::pclose(pipe) != 0 || !read) fail("tarantool failed: see " + folder);
  bench::print("tarantool_batch_" + std::to_string(size), rate, "1/s", "higher");
  std::filesystem::remove_all(folder);
}

}  // namespace

int main() {
  bench::print_disk("peers");
  for (const char* name : {"redis-server", "beanstalkd", "tarantool"}) program(name);
  measure_redis();
  measure_beanstalkd();
  measure_tarantool(1, 1000);
  measure_tarantool(50, 40000);
  measure_tarantool(500, 120000);
  return 0;
}
