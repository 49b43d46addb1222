// The main job, killed again and again: what it publishes is what it publishes undisturbed.
#pragma once

#include <cstdint>
#include <string>

namespace storm {

struct MainJobOptions {
  std::string folder;  // an empty one
  int64_t kills = 10;
  uint64_t seed = 1;
  int64_t evaluations = 0;  // 0: what swarm.yaml says
  bool keep = false;        // the folder, though all went well
};

// Runs the shipped swarm undisturbed, and again with its host killed at drawn instants with work in flight;
// once more if that is over too soon. Returns the exit status: 0 if what was published and the ledger are
// always the same.
int run_main_job(const MainJobOptions& options);

}  // namespace storm
