// What becomes of a script's call of an emission (emit.h): checked, put into the outbox of its run, journaled
// if a second execution must be told the same, and answered. A version that is to be published is tried in
// between, if it may be published at all.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/value.h"
#include "run/handover.h"
#include "run/kernel.h"
#include "run/run.h"
#include "script/grants.h"

namespace clade::run {

class Emissions {
 public:
  using Find = std::function<Run*(int64_t run)>;
  // Does this version load, by itself and in the roles that use it? Tried for an agent; `done` is called
  // once, never from within, unless it is called off by what this returns.
  using TryVersion = std::function<std::function<void()>(
      const script::Version& candidate, const std::string& agent, std::function<void(Status)> done)>;

  // Without `try_version`, what is published is not tried.
  Emissions(const Kernel& kernel, Handover& handover, Find find, TryVersion try_version);

  // Answers the call, at once or after a trial. `again`: a former execution of the run made it
  // within a rate; it fills this one's outbox, and takes no token.
  void begin(Run& run, const std::string& strand, int64_t position, const std::string& op, const Value& args,
             bool again);
  // Calls off the trials of a run: when it ends, or begins anew. They cost no token.
  void cancel(const Run& run);
  // Calls off the trial that a strand waits for, if there is one. What it has put into the outbox stays
  // there.
  void withdraw(const Run& run, const std::string& strand);

 private:
  // A version under trial. `call` holds the token, and borrows `args`.
  struct Trial {
    int64_t run = 0;
    std::string strand;
    int64_t position = 0;
    Value args;
    bool again = false;
    std::optional<script::Call> call;
    std::function<void()> call_off;
  };
  void begin_trial(Run& run, const std::string& strand, int64_t position, const Value& args, bool again,
                   const script::Version& current);
  void end_trial(uint64_t number, const Status& loads);
  // The answer to a trial's call, as it is handed over.
  Result<Value> outcome(Run& run, uint64_t number, const Status& loads);
  void call_off(const std::function<bool(const Trial&)>& which);
  void answer(Run& run, const std::string& strand, int64_t position, const std::string& op, const Value& args,
              script::Call& call, bool again, Result<Value> outcome);

  Kernel kernel_;
  Handover& handover_;
  Find find_;
  TryVersion try_version_;
  std::map<uint64_t, Trial> trials_;
  uint64_t last_trial_ = 0;
};

}  // namespace clade::run
