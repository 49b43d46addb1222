// What the histories of a run of the simulator reached: a count for each edge of a task's life cycle, each
// crash point and whatever else must not go untested, and the events of every history.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "queue/task.h"

namespace sim {

// The least that a run over all seeds must reach of each.
inline constexpr uint64_t kLeastHits = 100;
inline constexpr uint64_t kLeastEvents = 500;  // the median

class Counters {
 public:
  // Every edge, crash point and other thing that must be reached, at 0.
  Counters();

  void edge(clade::queue::State from, clade::queue::Verb verb) { ++counts_[edge_name(from, verb)]; }
  void add(const std::string& what, uint64_t count = 1) { counts_[what] += count; }
  void history(uint64_t events) { events_.push_back(events); }
  void merge(const Counters& other);

  // As lines of text, for another process; what reads them back. Errors: "invalid".
  void write(std::ostream& out) const;
  static clade::Result<Counters> read(std::istream& in);

  uint64_t histories() const { return events_.size(); }
  // 0 of no history.
  uint64_t median_events() const;
  // Prints a table; `judge`: false if something was reached too rarely, and says what.
  bool report(std::ostream& out, bool judge) const;

 private:
  static std::string edge_name(clade::queue::State from, clade::queue::Verb verb);
  std::map<std::string, uint64_t> counts_;
  std::vector<uint64_t> events_;
};

}  // namespace sim
