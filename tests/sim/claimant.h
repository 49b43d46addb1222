// A claimant that is no run of the host's: it takes tasks, hangs, and writes when its lease is long
// another's. Nothing but the lease and its token stands between it and the task.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "queue/task.h"
#include "sim/life.h"

namespace sim {

class Claimant {
 public:
  explicit Claimant(World& world) : world_(world) {}

  // Takes the task that is next, if one waits.
  void claim(Life& life);
  // Writes to a task whose lease it has lost. False if there is none.
  bool come_back(Random& random, Life& life);
  // To be called for every edge of every task.
  void observe(const clade::queue::Task& task, clade::queue::Verb verb);

 private:
  struct Claim {
    std::string task;
    clade::queue::Lease lease;
    uint64_t life = 0;
    bool held = true;
    int64_t at_us = 0;
    Time::Unseen unseen;  // by then
  };
  void write(const Claim& claim, Random& random, Life& life);

  World& world_;
  std::vector<Claim> claims_;
  int64_t runs_ = 0;
};

}  // namespace sim
