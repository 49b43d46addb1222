// The faults of the storm: each strikes once, at a drawn instant, and says whether it struck work in flight.
#pragma once

#include <functional>
#include <random>
#include <string>
#include <vector>

#include "host.h"

namespace storm {

struct Strike {
  bool counted = false;  // there was uncommitted work in flight
};

// What a fault works on.
struct Scene {
  Host& host;
  const Places& places;
  std::mt19937_64& random;
  std::function<void()> more_work;  // sees to it that the host has something to do
};

struct Fault {
  const char* name;
  const char* group;
  const char* what;   // for people
  bool needs_double;  // of the system's calls
  bool needs_small_disk;
  int64_t latest_us;  // the drawn instant is at most so long after work was seen in flight
  // Strikes, and waits for what must follow at once: the end of the host, with its message. The host need not
  // run afterwards. Throws a Failure if what follows is not what was promised.
  Strike (*strike)(Scene&);
};

// All there are.
const std::vector<Fault>& faults();

}  // namespace storm
