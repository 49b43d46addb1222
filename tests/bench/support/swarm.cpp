#include "support/swarm.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/codec.h"
#include "store/database.h"
#include "support/print.h"
#include "support/syncs.h"

namespace bench {
namespace {

constexpr int kLookMs = 20;
constexpr int kConnectMs = 1;
constexpr size_t kFillingBytes = 180;

// Moves the next line out of `buffer`, reading more with `more` while there is none.
template <typename More>
std::string next_line(std::string& buffer, More more) {
  size_t from = 0;
  for (;;) {
    const size_t end = buffer.find('\n', from);
    if (end != std::string::npos) {
      std::string line = buffer.substr(0, end);
      buffer.erase(0, end + 1);
      return line;
    }
    from = buffer.size();
    std::array<char, 65536> bytes{};
    const ssize_t size = more(bytes.data(), bytes.size());
    if (size == 0 || (size < 0 && errno != EINTR)) fail("the host is gone");
    if (size > 0) buffer.append(bytes.data(), static_cast<size_t>(size));
  }
}

}  // namespace

std::string scratch(const std::string& name) {
  return std::filesystem::path(CLADE_BINARY).parent_path().string() + "/bench/" + name;
}

int64_t steady_us() {
  return clade::SystemClock().steady_us();
}

std::string sqlite(const std::string& file, const std::string& sql) {
  const std::string command = "sqlite3 -readonly '" + file + "' \"" + sql + "\"";
  FILE* const pipe = ::popen(command.c_str(), "r");
  if (!pipe) fail("cannot run sqlite3");
  std::string text;
  std::array<char, 4096> bytes{};
  while (const size_t size = std::fread(bytes.data(), 1, bytes.size(), pipe)) text.append(bytes.data(), size);
  if (::pclose(pipe) != 0) fail("sqlite3 failed: " + sql);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

// ---- the control socket ----------------------------------------------------------------------------------

Client::Client(const std::string& folder)
    : socket_(need(clade::loop::connect_local(folder + "/.clade/socket"))) {}

void Client::send(const std::string& lines) {
  for (size_t done = 0; done < lines.size();) {
    const ssize_t sent = ::send(socket_.get(), lines.data() + done, lines.size() - done, MSG_NOSIGNAL);
    if (sent < 0 && errno != EINTR) fail("the host takes no request");
    if (sent > 0) done += static_cast<size_t>(sent);
  }
}

std::string Client::receive(int answers) {
  std::string line;
  for (; answers > 0; --answers) {
    line = next_line(buffer_, [this](char* to, size_t size) { return ::recv(socket_.get(), to, size, 0); });
    if (line.find(R"("ok":true)") == std::string::npos) fail("the host refused: " + line);
  }
  return line;
}

std::string add_request(const std::string& type, const clade::Value& payload) {
  return clade::encode_json({{"command", "task.add"}, {"args", {{"type", type}, {"payload", payload}}}}) +
         "\n";
}

std::string filling() {
  return std::string(kFillingBytes, 'x');
}

// ---- the swarm -------------------------------------------------------------------------------------------

Swarm::Swarm(const std::string& name, const std::string& agents) : folder_(scratch(name)) {
  std::filesystem::remove_all(folder_);
  std::filesystem::create_directories(folder_);
  std::filesystem::copy(CLADE_SOURCE "/tests/bench/swarm", folder_, std::filesystem::copy_options::recursive);
  std::ofstream(folder_ + "/swarm.yaml") << "swarm: bench\nagents:\n" << agents;
}

Swarm::~Swarm() {
  if (host_ > 0) {
    ::kill(host_, SIGKILL);
    ::waitpid(host_, nullptr, 0);
  }
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

double Swarm::start(bool events) {
  std::array<int, 2> ends{-1, -1};
  if (events && ::pipe2(ends.data(), O_CLOEXEC) != 0) fail("cannot make a pipe");
  std::ofstream(folder_ + "/syncs").write("\0\0\0\0\0\0\0", sizeof(uint64_t));
  ::setenv(kSyncsVariable, (folder_ + "/syncs").c_str(), 1);
  const int64_t begun = steady_us();
  host_ = ::fork();
  if (host_ < 0) fail("cannot start a process");
  if (host_ == 0) {
    const int output =
        ::open((folder_ + "/host.out").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    ::dup2(nothing, STDIN_FILENO);
    ::dup2(events ? ends[1] : nothing, STDOUT_FILENO);
    ::dup2(output, STDERR_FILENO);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);  // nothing outlives a bench that is ended itself
    ::setenv("LD_PRELOAD", BENCH_SYNCS, 1);
    ::execl(CLADE_BINARY, CLADE_BINARY, "run", folder_.c_str(), events ? "--json" : nullptr, nullptr);
    ::_exit(127);
  }
  if (events) ::close(ends[1]);
  events_ = clade::loop::Descriptor(ends[0]);
  for (;;) {
    if (auto socket = clade::loop::connect_local(folder_ + "/.clade/socket")) break;
    if (::waitpid(host_, nullptr, WNOHANG) == host_) {
      host_ = -1;
      std::ifstream said(folder_ + "/host.out");
      fail("the host did not start: " + std::string(std::istreambuf_iterator<char>(said), {}));
    }
    ::poll(nullptr, 0, kConnectMs);
  }
  Client(folder_).ask("{\"command\":\"status\"}\n");
  return static_cast<double>(steady_us() - begun) / 1e6;
}

std::string Swarm::event() {
  return next_line(said_, [this](char* to, size_t size) { return ::read(events_.get(), to, size); });
}

void Swarm::mail(const std::string& to, const clade::Value& body) const {
  const clade::Value args{{"to", to}, {"kind", "order"}, {"body", body}};
  Client(folder_).ask(clade::encode_json({{"command", "mail.send"}, {"args", args}}) + "\n");
}

void Swarm::stop() {
  ::kill(host_, SIGTERM);
  int status = 0;
  ::waitpid(host_, &status, 0);
  host_ = -1;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) fail("the host did not end in order");
}

int64_t Swarm::count(const std::string& sql) const {
  return std::stoll(sqlite(database(), sql));
}

uint64_t Swarm::syncs() const {
  uint64_t count = 0;
  std::ifstream(folder_ + "/syncs").read(reinterpret_cast<char*>(&count), sizeof count);
  return count;
}

void Swarm::settle() const {
  using clade::store::Database;
  auto reader = need(Database::open(database(), Database::Mode::read_only));
  const auto any = [&](const char* sql) {
    auto query = reader.prepare(sql);
    return need(query.step());
  };
  while (any("SELECT 1 FROM task WHERE state IN ('created', 'queued', 'assigned', 'executing', 'reviewing', "
             "'blocked', "
             "'awaiting_approval', 'failed') LIMIT 1") ||
         any("SELECT 1 FROM message WHERE state = 'stored' LIMIT 1"))
    ::poll(nullptr, 0, kLookMs);
}

}  // namespace bench
