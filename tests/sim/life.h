// One life of a host over the simulated disk, wired as `clade run` wires it: the real store, queue, mail,
// library, governance, dispatcher and settlement, on the simulated loop, with played cells.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "run/dispatcher.h"
#include "run/reload.h"
#include "run/settlement.h"
#include "run/sleep.h"
#include "sim/cells.h"
#include "sim/file_system.h"
#include "sim/in_force.h"
#include "sim/loop.h"
#include "sim/suspicions.h"
#include "store/database.h"
#include "store/writer.h"

namespace sim {

// The folder of the swarm that all histories of a process play in, and the state in which they begin. Scripts
// are real files: what a history publishes is written there.
class SwarmFolder {
 public:
  SwarmFolder();
  ~SwarmFolder();
  SwarmFolder(const SwarmFolder&) = delete;
  SwarmFolder& operator=(const SwarmFolder&) = delete;

  const std::string& path() const { return path_; }
  // Makes the scripts what they were at first.
  void reset();
  // A person saves a script.
  void save(const std::string& script, const std::string& text) const;
  // The names of the scripts that histories publish.
  static const std::vector<std::string>& scripts();

 private:
  std::string path_;
};

struct LifeOptions {
  uint64_t seed = 0;
  uint64_t deaths = 0;  // of cells, in 1/1000 of calls
  uint64_t hangs = 0;   // the same
  bool approve_auto = false;
  // Called when everything is loaded, and nothing has happened yet.
  std::function<void(class Life&)> loaded;
  // Called for every edge of every task.
  std::function<void(const clade::queue::Task&, clade::queue::Verb)> observed;
};

class Life {
 public:
  Life(World& world, const SwarmFolder& folder, LifeOptions options);
  ~Life();
  Life(const Life&) = delete;
  Life& operator=(const Life&) = delete;

  // Starts the host. Errors: what kept it from starting.
  clade::Status open();
  // One event. False: the machine has stopped, or the host has to.
  bool turn();
  // Why the host has to stop, if it has to.
  const std::optional<clade::Error>& fatal() const { return fatal_; }
  // Ends it in order: what is on probation waits for the next life.
  void stop();

  // Commits as the host does for its operator; `acknowledged` only if it is on disk.
  void commit(clade::store::Batch batch, std::function<void()> acknowledged);
  // Is everything that the host holds in memory what the store has? Only while nothing is being committed.
  void compare_with_store();

  clade::run::Kernel& kernel() { return *kernel_; }
  clade::run::Dispatcher& dispatcher() { return *dispatcher_; }
  clade::run::Reload& reload() { return *reload_; }
  const SwarmFolder& folder() const { return folder_; }
  clade::store::Database& reader() { return *reader_; }
  Cells& cells() { return cells_; }
  Loop& loop() { return loop_; }

 private:
  clade::run::Dispatcher::Hooks hooks();
  void set_roles();
  void make_reload();
  // What the store says of scripts.
  InForce in_force();
  // Is in force what has to be, by what the store said before it was loaded?
  void check_start(const InForce& before);

  World& world_;
  const SwarmFolder& folder_;
  const LifeOptions options_;
  Loop loop_;
  clade::Log log_;
  std::optional<clade::Error> fatal_;
  std::optional<clade::store::Database> reader_;
  std::unique_ptr<clade::store::Writer> writer_;
  clade::store::Blobs blobs_;
  clade::script::Library library_;
  std::unique_ptr<clade::run::Governance> governance_;
  clade::queue::Queue queue_;
  clade::mail::Mail mail_;
  clade::run::Data data_;
  std::unique_ptr<clade::run::Kernel> kernel_;
  Cells cells_;
  WorldEffect evaluation_;
  WorldEffect process_;
  clade::run::SleepEffect sleep_;
  std::unique_ptr<clade::run::Settlement> settlement_;
  std::unique_ptr<clade::run::Dispatcher> dispatcher_;
  std::unique_ptr<clade::run::Reload> reload_;
  std::optional<Suspicions> suspicions_;
  uint64_t checks_ = 0;  // that began
  const std::shared_ptr<std::set<uint64_t>> open_checks_ = std::make_shared<std::set<uint64_t>>();
  bool stopping_ = false;
};

}  // namespace sim
