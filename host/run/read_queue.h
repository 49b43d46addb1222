// The reads of shared state that runs wait for. They cost the loop's time, so it works on them a little in
// each of its turns, and one run's do not hold up another's.
//
//   asked ── what led to it is on disk ──► waiting, in its run's line ── the run's turn ──► answered
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/result.h"
#include "run/handover.h"
#include "run/kernel.h"
#include "run/run.h"
#include "store/writer.h"

namespace clade::run {

class ReadQueue {
 public:
  // A live run by number, or nullptr.
  using Find = std::function<Run*(int64_t)>;
  // Commits a batch; `done` follows unless the owner is gone by then.
  using Commit = std::function<void(store::Batch, std::function<void(Status)>)>;
  // Ends a run that has got too much from the host by now; true if it did.
  using EndIfTooMuch = std::function<bool(Run&)>;

  ReadQueue(const Kernel& kernel, Handover& handover, Find find, Commit commit, EndIfTooMuch end_if_too_much);
  ~ReadQueue();

  // Answers the call (see read.h) when its turn has come, and journals the answer; never within this call.
  void add(const Run& run, const std::string& strand, int64_t position, const std::string& op,
           const Value& args);
  // Forgets the reads of a run that ended.
  void drop(int64_t run);
  // Do reads wait for their turn?
  bool busy() const { return !turns_.empty(); }

 private:
  struct Read {
    int64_t execution = 0;  // of the handler that asked: nobody waits for an earlier one's
    std::string strand;
    int64_t position = 0;
    std::string op;
    Value args;
  };
  void wait(int64_t run, Read read);
  void work_soon();
  void work();
  void answer(Run& run, const Read& read);

  Kernel kernel_;
  Handover& handover_;
  Find find_;
  Commit commit_;
  EndIfTooMuch end_if_too_much_;
  std::map<int64_t, std::deque<Read>> lines_;  // by run; none is empty
  std::deque<int64_t> turns_;                  // the runs that have a line, each once: the next one first
  bool posted_ = false;                        // work() is to come
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace clade::run
