// Runs that wait under versions which are no longer in force. They keep their versions for a while, and are
// then begun anew with those that are. Thread: the loop's.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "run/run.h"
#include "script/library.h"

namespace clade::run {

class Drain {
 public:
  // `library` must outlive this.
  explicit Drain(const script::Library& library) : library_(library) {}

  // Which of the live runs have had other versions than those in force for as long as swarm.yaml's `drain`,
  // as far as the calls of this saw them. `now` in ms, as it passes without jumps.
  std::vector<int64_t> overdue(const std::map<int64_t, std::unique_ptr<Run>>& runs, int64_t now);

 private:
  const script::Library& library_;
  std::map<int64_t, int64_t> replaced_;  // run → when its versions were first seen to be others
};

}  // namespace clade::run
