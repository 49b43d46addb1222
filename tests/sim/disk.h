// A disk in memory that fails like one: what was not synced may be gone after a crash, in part and in any
// order; reads, writes and syncs fail, the space runs out, a sync takes its time. All by a plan and a seed.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/random.h"
#include "sim/trace.h"

namespace sim {

// What an operation is done to, and which it is.
enum class Part { database, log, other };
enum class Op { read, write, sync, truncate, remove };

// What becomes of an operation.
enum class Outcome {
  crash_before,  // the machine stops, nothing of it is done
  crash_torn,    // … some of its sectors are written
  crash_after,   // … all of it is done, if not synced
  io_error,      // it fails, nothing is done
  dead,          // … and all that follow
  cut_short,     // a read ends before its end, as in a file that is shorter than it was
  torn_error,    // it fails, some sectors are written
  no_space,
  slow,  // it takes seconds
};

// A point where a fault can hit.
struct FaultPoint {
  Part part;
  Op op;
  Outcome outcome;
};
// Every one there is.
const std::vector<FaultPoint>& fault_points();
// "log sync: crash before it".
std::string name(const FaultPoint& point);

// A point, and how many operations of this kind pass before it.
struct Fault {
  size_t point = 0;  // index into fault_points()
  int64_t skip = 0;
};

// How a disk operation ended, for who asked for it.
enum class DiskStatus { ok, io_error, no_space, cut_short };

class Disk {
 public:
  // A file; `current` is what a process reads, `durable` what is on the platter for sure.
  struct Pending {
    int64_t offset = 0;
    std::string bytes;
    bool truncate = false;  // to `offset`
  };
  struct File {
    std::string current;
    std::string durable;
    bool entered = false;  // its name is in the folder for sure
    std::vector<Pending> pending;
  };

  Disk(uint64_t seed, Trace& trace) : random_(seed), trace_(trace) {}

  // The file of this name, or nullptr.
  File* find(const std::string& name);
  // The same, made if it is not there.
  File& make(const std::string& name);
  // Puts a whole file there, synced: the state in which a history begins.
  void install(const std::string& name, std::string bytes);

  // Whether a read goes through; cut_short: with a part of it.
  DiskStatus read(Part part);
  DiskStatus write(File& file, Part part, const char* bytes, size_t count, int64_t offset);
  DiskStatus truncate(File& file, Part part, int64_t size);
  DiskStatus sync(File& file, Part part);
  DiskStatus remove(const std::string& name, Part part);

  // The fault of the life that begins; none: the disk works.
  void arm(std::optional<Fault> fault);
  // Syncs do nothing from now on: a planted bug, to see that it is found.
  void lie() { lies_ = true; }
  // For who judges a history: nothing fails while he reads, and nothing counts.
  class Spared {
   public:
    explicit Spared(Disk& disk) : disk_(disk) { ++disk_.spared_; }
    ~Spared() { --disk_.spared_; }
    Spared(const Spared&) = delete;
    Spared& operator=(const Spared&) = delete;

   private:
    Disk& disk_;
  };
  // The machine, or the process, stops here and now: nothing is changed any more until it starts again.
  void stop() { stopped_ = true; }
  bool stopped() const { return stopped_; }
  // Did a fault make an operation fail in this life?
  bool failed() const { return failed_; }
  // Starts again. `power_lost`: what was not synced is there in part, or not at all.
  void restart(bool power_lost);
  // What the operations since the last call took, in us.
  int64_t take_elapsed();
  int64_t elapsed() const { return elapsed_us_; }

  // How often each of fault_points() was hit; what a power loss did to what was not synced: all of it lost,
  // all kept, some kept, a write torn.
  const std::vector<uint64_t>& hits() const { return hits_; }
  const std::array<uint64_t, 4>& losses() const { return losses_; }

 private:
  std::optional<Outcome> fault_at(Part part, Op op);
  void apply(std::string& bytes, const Pending& change);
  void settle_after_power_loss(File& file);
  // The sectors of a write that got through.
  std::vector<Pending> torn(const Pending& change);

  Random random_;
  Trace& trace_;
  std::map<std::string, std::unique_ptr<File>> files_;
  std::map<std::string, std::unique_ptr<File>> removed_;  // and their folder not synced
  std::optional<Fault> armed_;
  bool stopped_ = false;
  bool failed_ = false;
  bool lies_ = false;
  int spared_ = 0;
  bool dead_ = false;  // nothing can be read any more
  int64_t elapsed_us_ = 0;
  std::vector<uint64_t> hits_ = std::vector<uint64_t>(fault_points().size());
  std::array<uint64_t, 4> losses_{};
};

}  // namespace sim
