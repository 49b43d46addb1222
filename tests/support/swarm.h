// A swarm folder and a real host on it, for tests that kill things.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/value.h"
#include "support/temporary_folder.h"

namespace test {

class Swarm {
 public:
  // An empty folder; `copy_shipped`: with the repository's own swarm in it (its scripts, skills, agents,
  // knowledge).
  explicit Swarm(bool copy_shipped = false);
  ~Swarm();  // kills the host
  Swarm(const Swarm&) = delete;
  Swarm& operator=(const Swarm&) = delete;

  void write(const std::string& file, const std::string& text) const;
  std::string read(const std::string& file) const;
  const std::string& path() const { return folder_.path(); }

  // Starts `clade run` on the folder in the background, its output in host.out. `before` runs in the child
  // first.
  void start(const std::vector<std::string>& arguments = {}, const std::function<void()>& before = {});
  // SIGKILL to the host, and waits until it is gone.
  void kill();
  void signal(int number) const;
  // Waits for the host's end; its exit status (128 + signal).
  int wait();
  pid_t pid() const { return pid_; }

  // Runs a clade command in the folder; fails the test unless it succeeds. Returns stdout.
  std::string clade(std::vector<std::string> arguments) const;
  // The same as JSON.
  clade::Value json(std::vector<std::string> arguments) const;
  // A number (first column of the first row) from the store; 0 while there is none.
  int64_t count(const std::string& sql) const;
  std::string text(const std::string& sql) const;
  // Waits until the condition holds; fails the test after two minutes or when the host ends before.
  void until(const std::function<bool()>& condition) const;
  // Waits until `sql` gives at least `least`.
  void until_count(const std::string& sql, int64_t least) const;
  // Waits until the host takes commands.
  void until_up() const;

 private:
  TemporaryFolder folder_;
  mutable pid_t pid_ = -1;
  mutable int status_ = 0;
};

}  // namespace test
