// The host under fire, as a process, and the swarm's folder seen from outside: the processes, the control
// socket, the database. Links nothing of the host.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include <sys/types.h>

#include "double.h"

namespace storm {

// What the storm cannot go on from: a broken promise, or a machine that does not let it work.
struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Waits until `condition()` is true, up to two minutes (or `seconds`); then throws a Failure that names
// `what`.
template <typename Condition>
void wait_until(const std::string& what, Condition condition, int64_t seconds = 120);
void pause_us(int64_t microseconds);
int64_t steady_us();

std::string read_file(const std::string& path);
// Appends with a single write.
void append_line(const std::string& path, const std::string& line);

// Where everything of an episode is. `swarm` may be another file system.
struct Places {
  std::string folder;   // of the storm
  std::string swarm;    // folder/swarm
  std::string witness;  // what effects append to
  std::string sent;     // "sent N TYPE", "acknowledged N ID", by the client
  std::string output;   // the host's stdout and stderr
  std::string orders;   // see double.h
};

struct Options {
  std::string clade;                     // the program
  std::string double_library;            // "" to go without
  std::vector<std::string> arguments{};  // of `clade run`, behind the folder
};

// `clade run` on a folder.
class Host {
 public:
  Host(Options options, Places places);
  ~Host();  // kills it
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  // Starts it; the end of the last one must have been seen.
  void start();
  // Waits until it takes commands. Throws if it ends.
  void wait_until_up();
  bool running();  // reaps it when it has ended
  // Waits until it ends by itself, however long its work takes.
  void work_off();
  // Waits for its end, half a minute at most, and returns its exit status, 128 + signal for one that was
  // killed.
  int wait_for_end();
  pid_t pid() const { return pid_; }
  // What it has said since its last start.
  std::string said() const;

  Orders& orders() { return *orders_; }
  void calm();  // no blow, and the time of day of the machine stays moved

 private:
  Options options_;
  Places places_;
  Orders* orders_ = nullptr;
  pid_t pid_ = -1;
  int status_ = 0;
  size_t output_at_start_ = 0;
};

// A connection to the control socket.
class Control {
 public:
  explicit Control(const std::string& swarm) : swarm_(swarm) {}
  ~Control() { disconnect(); }
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;

  bool connected() const { return descriptor_ >= 0; }
  bool connect();
  void disconnect();
  // Sends one request and waits for its answer; "" if the connection broke before.
  std::string ask(const std::string& request);

 private:
  std::string swarm_;
  int descriptor_ = -1;
};

// First column of all rows. Opens the database for this alone, and leaves log and database as they are.
// Throws a Failure when that goes wrong for another reason than that there is no schema yet.
std::vector<std::string> rows(const std::string& swarm, const std::string& sql);
// The first row's first column; 0 without one.
int64_t count(const std::string& swarm, const std::string& sql);
// How much has begun and is not committed: runs, and tasks whose run has nothing in the store yet.
int64_t in_flight(const std::string& swarm);

// Processes.
std::vector<pid_t> children_of(pid_t parent);
std::string command_of(pid_t process);
bool alive(pid_t process);  // and no zombie
pid_t parent_of(pid_t process);
// The host's zygote, or 0; its cells.
pid_t zygote_of(pid_t host);
std::vector<pid_t> cells_of(pid_t host);

template <typename Condition>
void wait_until(const std::string& what, Condition condition, int64_t seconds) {
  const int64_t deadline = steady_us() + seconds * 1000000;
  while (!condition()) {
    if (steady_us() > deadline) throw Failure("waited " + std::to_string(seconds) + " s for " + what);
    pause_us(3000);
  }
}

}  // namespace storm
