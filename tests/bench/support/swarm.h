// A swarm folder on the disk of the build folder, the real `clade run` on it, and the plain `sqlite3` that
// counts afterwards what is there.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/value.h"
#include "loop/local_socket.h"

namespace bench {

// Where parts of benches keep what they measure on: "<build folder>/bench/<name>".
std::string scratch(const std::string& name);

int64_t steady_us();

// What `sqlite3 -readonly FILE SQL` prints, without the last line break. Ends the bench if that fails.
std::string sqlite(const std::string& file, const std::string& sql);

// A connection to a host's control socket.
class Client {
 public:
  // Ends the bench if nobody listens.
  explicit Client(const std::string& folder);
  // Sends requests, one line each; returns once all are written.
  void send(const std::string& lines);
  // Reads so many answers. Ends the bench unless each is a success. Returns the last one's line.
  std::string receive(int answers = 1);
  std::string ask(const std::string& line) {
    send(line);
    return receive();
  }
  int descriptor() const { return socket_.get(); }

 private:
  clade::loop::Descriptor socket_;
  std::string buffer_;
};

// The request that adds a task of a type, as a line.
std::string add_request(const std::string& type, const clade::Value& payload);
// A text that makes a task or message of a few fields about kPayloadBytes (core.h) long.
std::string filling();

class Swarm {
 public:
  // `agents`: the entries of swarm.yaml below "agents:", of roles in tests/bench/swarm.
  Swarm(const std::string& name, const std::string& agents);
  ~Swarm();  // kills the host; the folder goes
  Swarm(const Swarm&) = delete;
  Swarm& operator=(const Swarm&) = delete;

  // Starts the host and waits until it answers `status`; returns how long that took, in seconds. `events`: it
  // says what happens to tasks, as JSON lines, which event() reads.
  double start(bool events = false);
  // The next line that the host says.
  std::string event();
  // Sends mail from outside, and waits until it is on disk.
  void mail(const std::string& to, const clade::Value& body) const;
  // Lets the host end in order.
  void stop();
  pid_t host() const { return host_; }
  const std::string& folder() const { return folder_; }
  std::string database() const { return folder_ + "/.clade/clade.db"; }
  // The first column of the first row, from the store, by `sqlite3`.
  int64_t count(const std::string& sql) const;
  // How often the host has called fdatasync.
  uint64_t syncs() const;
  // Waits until no task is left that is not final and no message that is not handled. Looks every 20 ms, by
  // lookups in indexes: the host is not asked.
  void settle() const;

 private:
  std::string folder_;
  pid_t host_ = -1;
  clade::loop::Descriptor events_;
  std::string said_;  // of it, read and not yet handed out
};

}  // namespace bench
