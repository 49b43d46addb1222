#include "host.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sqlite3.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace storm {

void pause_us(int64_t microseconds) {
  const timespec time{microseconds / 1000000, microseconds % 1000000 * 1000};
  ::nanosleep(&time, nullptr);
}

int64_t steady_us() {
  using namespace std::chrono;
  return duration_cast<microseconds>(steady_clock::now().time_since_epoch()).count();
}

std::string read_file(const std::string& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

void append_line(const std::string& path, const std::string& line) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const std::string text = line + "\n";
  const bool written =
      file >= 0 && ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (file >= 0) ::close(file);
  if (!written) throw Failure("cannot write " + path);
}

// ---- the process -----------------------------------------------------------------------------------------

Host::Host(Options options, Places places) : options_(std::move(options)), places_(std::move(places)) {
  const int file = ::open(places_.orders.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0 || ::ftruncate(file, sizeof(Orders)) != 0) throw Failure("cannot make " + places_.orders);
  void* memory = ::mmap(nullptr, sizeof(Orders), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  ::close(file);
  if (memory == MAP_FAILED) throw Failure("cannot map " + places_.orders);
  orders_ = static_cast<Orders*>(memory);
}

Host::~Host() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ::munmap(orders_, sizeof(Orders));
}

void Host::start() {
  std::vector<std::string> words = {options_.clade, "run", places_.swarm};
  words.insert(words.end(), options_.arguments.begin(), options_.arguments.end());
  output_at_start_ = read_file(places_.output).size();
  pid_ = ::fork();
  if (pid_ < 0) throw Failure("cannot start a process");
  if (pid_ > 0) return;
  const int output = ::open(places_.output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  ::signal(SIGPIPE, SIG_DFL);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);  // nothing outlives a storm that is killed itself
  if (!options_.double_library.empty()) {
    ::setenv("LD_PRELOAD", options_.double_library.c_str(), 1);
    ::setenv(kOrdersVariable, places_.orders.c_str(), 1);
  }
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  ::execv(arguments[0], arguments.data());
  ::_exit(127);
}

void Host::wait_until_up() {
  Control control(places_.swarm);
  wait_until("the host to take commands", [&] {
    if (!running()) throw Failure("the host does not start: " + said());
    return control.connect();
  });
}

bool Host::running() {
  if (pid_ > 0 && ::waitpid(pid_, &status_, WNOHANG) == pid_) pid_ = -1;
  return pid_ > 0;
}

void Host::work_off() {
  if (pid_ > 0 && ::waitpid(pid_, &status_, 0) == pid_) pid_ = -1;
}

int Host::wait_for_end() {
  wait_until(
      "the host to end", [this] { return !running(); }, 30);
  return WIFSIGNALED(status_) ? 128 + WTERMSIG(status_) : WEXITSTATUS(status_);
}

std::string Host::said() const {
  const std::string all = read_file(places_.output);
  return all.substr(std::min(output_at_start_, all.size()));
}

void Host::calm() {
  orders_->blow = Blow::none;
}

// ---- the control socket ----------------------------------------------------------------------------------

bool Control::connect() {
  disconnect();
  const int folder = ::open((swarm_ + "/.clade").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return false;
  descriptor_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // The path itself may be too long for an address.
  const std::string path = "/proc/self/fd/" + std::to_string(folder) + "/socket";
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const bool done = ::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(folder);
  if (!done) disconnect();
  return done;
}

void Control::disconnect() {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
}

std::string Control::ask(const std::string& request) {
  const std::string line = request + "\n";
  std::string answer;
  if (::send(descriptor_, line.data(), line.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(line.size())) {
    std::array<char, 4096> bytes{};
    while (answer.empty() || answer.back() != '\n') {
      const ssize_t size = ::recv(descriptor_, bytes.data(), bytes.size(), 0);
      if (size < 0 && errno == EINTR) continue;
      if (size <= 0) break;
      answer.append(bytes.data(), static_cast<size_t>(size));
    }
  }
  if (!answer.empty() && answer.back() == '\n') return answer;
  disconnect();
  return "";
}

// ---- the database ----------------------------------------------------------------------------------------

std::vector<std::string> rows(const std::string& swarm, const std::string& sql) {
  std::vector<std::string> found;
  const std::string path = swarm + "/.clade/clade.db";
  if (::access(path.c_str(), F_OK) != 0) return found;
  sqlite3* database = nullptr;
  int status = sqlite3_open_v2(path.c_str(), &database, SQLITE_OPEN_READWRITE, nullptr);
  if (status == SQLITE_OK) {
    sqlite3_busy_timeout(database, 10000);
    // The next host finds what the last one left, not what a visitor made of it.
    sqlite3_db_config(database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    status = sqlite3_exec(database, "PRAGMA query_only = ON", nullptr, nullptr, nullptr);
  }
  sqlite3_stmt* statement = nullptr;
  if (status == SQLITE_OK) status = sqlite3_prepare_v2(database, sql.c_str(), -1, &statement, nullptr);
  if (status == SQLITE_OK) {
    while ((status = sqlite3_step(statement)) == SQLITE_ROW) {
      const auto* text = sqlite3_column_text(statement, 0);
      found.emplace_back(text ? reinterpret_cast<const char*>(text) : "");
    }
  }
  const std::string problem = sqlite3_errmsg(database);
  sqlite3_finalize(statement);
  sqlite3_close(database);
  // Before the schema is there, the statement does not compile.
  if (status == SQLITE_DONE || problem.find("no such table") != std::string::npos) return found;
  throw Failure("cannot read " + path + ": " + problem);
}

int64_t count(const std::string& swarm, const std::string& sql) {
  const auto found = rows(swarm, sql);
  return found.empty() ? 0 : std::atoll(found.front().c_str());
}

int64_t in_flight(const std::string& swarm) {
  return count(
      swarm,
      "SELECT (SELECT count(*) FROM run WHERE status = 'running') + (SELECT count(*) FROM task WHERE "
      "state IN ('assigned', 'executing') AND lease_run NOT IN (SELECT id FROM run))");
}

// ---- processes -------------------------------------------------------------------------------------------

std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> processes;
  const std::string number = std::to_string(parent);
  const std::string tasks = "/proc/" + number + "/task";
  DIR* folder = ::opendir(tasks.c_str());
  if (!folder) return processes;
  while (const dirent* entry = ::readdir(folder)) {
    if (entry->d_name[0] == '.') continue;
    std::ifstream in(tasks + "/" + entry->d_name + "/children");
    for (pid_t process = 0; in >> process;) processes.push_back(process);
  }
  ::closedir(folder);
  return processes;
}

std::string command_of(pid_t process) {
  std::string text = read_file("/proc/" + std::to_string(process) + "/cmdline");
  for (char& letter : text) {
    if (letter == '\0') letter = ' ';
  }
  return text;
}

namespace {

// Fields of /proc/PROCESS/stat from the third; empty if there is none.
std::vector<std::string> stat_of(pid_t process) {
  const std::string text = read_file("/proc/" + std::to_string(process) + "/stat");
  std::vector<std::string> fields;
  if (text.empty()) return fields;
  std::istringstream rest(text.substr(text.rfind(')') + 1));
  for (std::string field; rest >> field;) fields.push_back(field);
  return fields;
}

}  // namespace

bool alive(pid_t process) {
  const auto fields = stat_of(process);
  return fields.size() > 1 && fields[0] != "Z" && fields[0] != "X";
}

pid_t parent_of(pid_t process) {
  const auto fields = stat_of(process);
  return fields.size() > 1 ? std::atoi(fields[1].c_str()) : 0;
}

pid_t zygote_of(pid_t host) {
  for (const pid_t child : children_of(host)) {
    if (command_of(child).find("cell-zygote") != std::string::npos) return child;
  }
  return 0;
}

std::vector<pid_t> cells_of(pid_t host) {
  const pid_t zygote = zygote_of(host);
  return zygote > 0 ? children_of(zygote) : std::vector<pid_t>();
}

}  // namespace storm
