// Which runs are excused by what the host says of versions on probation: for the witness, who holds the host
// to it. Of one life.
#pragma once

#include <cstdint>
#include <map>

#include "run/dispatcher.h"
#include "run/executor.h"
#include "script/library.h"
#include "sim/witness.h"

namespace sim {

class Suspicions {
 public:
  Suspicions(Witness& witness, const clade::script::Library& library,
             const clade::run::Dispatcher& dispatcher)
      : witness_(witness), library_(library), dispatcher_(dispatcher) {}

  void started(int64_t run, const clade::run::Program& program);
  // The host is about to be told that it failed.
  void failing(int64_t run);
  // The host was told something of it.
  void told(int64_t run);

 private:
  bool is_suspended(int64_t install) const;

  Witness& witness_;
  const clade::script::Library& library_;
  const clade::run::Dispatcher& dispatcher_;
  std::map<int64_t, int64_t> installs_;  // by run
};

}  // namespace sim
