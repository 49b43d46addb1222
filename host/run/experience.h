// What runs of a combination of versions (program.h) took, the last of them: by that a version on probation
// is compared with the one that it replaced. Thread: the loop's.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "base/result.h"
#include "store/database.h"

namespace clade::run {

// Of a committed run.
struct Cost {
  std::string agent;         // instance
  int64_t cpu_us = 0;        // in its cell
  int64_t wall_ms = 0;       // from its start to its commit, with what it waited for
  int64_t memory_bytes = 0;  // that its VM held afterwards
  int64_t emitted = 0;       // tasks and messages
};

// So many runs are remembered of each combination, and of so many combinations, those that ran last.
inline constexpr size_t kRemembered = 20;
inline constexpr size_t kCombinations = 500;
// So many of a version on probation must be there before it is held to what they take.
inline constexpr size_t kEnoughRuns = 5;

class Experience {
 public:
  // Reads the last runs that former hosts have seen. Once. Errors: those of Statement, "corrupt".
  Status load(store::Database& database);
  void add(const std::string& combination, Cost cost);
  // The last kRemembered, oldest first; none of a combination that has not run.
  const std::deque<Cost>& of(const std::string& combination) const;

 private:
  struct Entry {
    std::deque<Cost> costs;
    int64_t last = 0;  // counts additions
  };
  std::map<std::string, Entry> entries_;
  int64_t additions_ = 0;
};

// What is wrong with a version by what its runs take, beside those of the version before; "" if nothing is:
//   - processor time: its median is more than 4 times the other's and 0.5 ms;
//   - elapsed time: its median is more than 5 times the other's and 1 s;
//   - memory: after its last run it holds more than 4 times the most that the other held, and 8 MB more;
//   - leak: what the VM of one agent holds has grown with each of its last ten runs, by more than 1 MB.
// The first three need kEnoughRuns runs of both, the last one needs ten of that agent.
std::string worse_than(const std::deque<Cost>& now, const std::deque<Cost>& before);

// What is wrong with a run that wants to emit so many tasks and messages: more than 50, and than ten times
// what any run of the version before did. "" if nothing is, or the version before has no kEnoughRuns runs.
std::string floods(int64_t emitted, const std::deque<Cost>& before);

}  // namespace clade::run
