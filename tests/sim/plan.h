// What befalls a host in one history: what clients ask of it, and how its lives end. Drawn from the seed at
// once, as a list of parts, so that a part can be left out.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sim/disk.h"

namespace sim {

enum class Deed {
  submit,
  submit_publish,
  cancel,
  retry,
  decide,  // on an approval
  mail,
  roll_back,
  save,       // scripts
  install,    // what was rejected
  release,    // a quarantined role
  stall,      // the host
  jump,       // the clock
  claim,      // a task, by a claimant that is no run
  come_back,  // … and writes to it
  compare,    // memory with the store
};
const char* name(Deed deed);

// Something that a client, or the machine, does.
struct Item {
  Deed deed = Deed::submit;
  int64_t gap_us = 0;  // after the one before
  uint64_t seed = 0;
};

enum class End { stop, kill, power };
const char* name(End end);

// A life but the last: ends by its fault, or after so many items.
struct LifePlan {
  size_t items = 0;
  int64_t linger_us = 0;
  End end = End::stop;
  std::optional<Fault> fault;
  bool early = false;             // a client is there before the host has turned its loop
  bool power_lost_after = false;  // also when it ends in order, or because the store failed
};

struct Plan {
  // `without`: parts to leave out, by number: items first, then lives.
  Plan(uint64_t seed, const std::set<size_t>& without);

  // How many parts the whole history has.
  static size_t parts(uint64_t seed);
  std::vector<Item> items;
  std::vector<LifePlan> lives;
  uint64_t deaths = 0;  // of cells, in 1/1000 of calls
  uint64_t hangs = 0;   // the same
  bool approve_auto = false;
  bool odd_tasks = false;  // an older host left tasks where no host of today lets them rest
};

}  // namespace sim
