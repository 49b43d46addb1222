// An episode of the storm: a fresh swarm under load, struck by some faults, brought to its end and checked.
#pragma once

#include <functional>
#include <random>
#include <string>
#include <vector>

#include "faults.h"

namespace storm {

struct EpisodeOptions {
  std::string folder;  // an empty one; stays
  uint64_t seed = 1;
  std::vector<const Fault*> rounds;  // what strikes, one after the other
  bool small_disk = false;           // mount a small file system for the swarm; needs the right to
  std::function<void(const Fault&, bool counted)> struck;  // told of each strike
};

// Strikes until each round counted. Throws a Failure when a promise is broken.
void run_episode(const EpisodeOptions& options);

// Makes mounts of this process its own. False if the machine does not allow it. For a process of one thread.
bool may_mount();

// The lines of the checker that are violations, or "" if there is none.
std::string check(const Places& places);

}  // namespace storm
