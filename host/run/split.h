// clade.commit: what a handler has done so far takes effect, and it goes on. The one way to cut the
// transaction of a run in two; each part happens as a whole or not at all, and a handler that fails later
// keeps the first.
//
// After a crash the handler starts again from the top, with the state that it began with, and what it emits
// is committed already until it has come to the last split that its journal has.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/value.h"
#include "run/handover.h"
#include "run/kernel.h"
#include "run/run.h"
#include "run/settlement.h"

namespace clade::run {

// As it is called and journaled; its arguments are {state}.
inline constexpr const char* kSplitOperation = "commit";

class Split {
 public:
  using Find = std::function<Run*(int64_t)>;
  using Commit = std::function<void(store::Batch batch, std::function<void(Status)> done)>;
  using Committed = std::function<void(const AfterCommit& after)>;
  Split(const Kernel& kernel, Settlement& settlement, Handover& handover, Find find, Commit commit,
        Committed committed);

  // A new one: commits outbox and state, and answers true once that is on disk. What is in the way is
  // answered as "refused", which raises in the script.
  void begin(Run& run, const Place& place, const Value& args);
  // The handler has come to one again that its journal has.
  static void pass(Run& run);

 private:
  Kernel kernel_;
  Settlement& settlement_;
  Handover& handover_;
  Find find_;
  Commit commit_;
  Committed committed_;
};

}  // namespace clade::run
