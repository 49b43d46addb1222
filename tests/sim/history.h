// A history: several lives of a host over one disk, from a seed. The same seed is the same history.
#pragma once

#include <cstdint>
#include <optional>
#include <set>

#include "sim/counters.h"
#include "sim/life.h"
#include "sim/witness.h"

namespace sim {

struct HistoryOptions {
  uint64_t seed = 0;
  std::set<size_t> without;  // parts of its plan to leave out
  bool print = false;        // every line of its trace
  bool lying_disk = false;   // syncs do nothing: a planted bug
};

struct HistoryEnd {
  std::optional<Broken> broken;
  uint64_t trace = 0;  // a hash over all that happened
  uint64_t events = 0;
};

// Plays the history. Counts what it reached.
HistoryEnd play(const HistoryOptions& options, SwarmFolder& folder, Counters& counters);

}  // namespace sim
