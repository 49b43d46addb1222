// Plays many histories, each job in a process of its own: one that dies takes nothing along but its history.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sim/counters.h"
#include "sim/history.h"

namespace sim {

// A history that broke a promise.
struct Failure {
  uint64_t seed = 0;
  Broken broken;
};

struct RunOptions {
  uint64_t from = 1;
  uint64_t seeds = 1;
  unsigned jobs = 1;
  bool twice = false;       // each history two times: it must be the same
  bool lying_disk = false;  // see HistoryOptions
};

// Plays the seeds and adds up what they reached. Each job ends with its first failure.
std::vector<Failure> run(const RunOptions& options, Counters& counters);

// Plays one history in a process of its own. What it broke, if it did.
std::optional<Broken> play_apart(const HistoryOptions& options);

// The parts of a failing history without which it still breaks the same promise, as many as can be found.
std::set<size_t> shrink(const HistoryOptions& options, const Broken& broken);

}  // namespace sim
