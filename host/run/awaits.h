// The awaits of runs: `started` is on disk before an effect begins, its result before the script sees it.
// Asks, whose answer is another agent's run, are here too.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/event_loop.h"
#include "base/result.h"
#include "run/effect.h"
#include "run/handover.h"
#include "run/kernel.h"
#include "run/run.h"

namespace clade::run {

class Awaits {
 public:
  // A live run by number, or nullptr.
  using Find = std::function<Run*(int64_t)>;
  // Commits a batch; `done` follows unless the owner is gone by then.
  using Commit = std::function<void(store::Batch, std::function<void(Status)>)>;

  Awaits(const Kernel& kernel, Handover& handover, Find find, Commit commit);
  ~Awaits();

  // Makes `op` awaitable; the effect outlives this object.
  void add_effect(const std::string& op, Effect& effect);

  // Takes up the asks of a run that a former host left: they wait although its script has not come to them
  // again.
  void restore(const Run& run);
  // A new await: checked, journaled, begun. A refusal is answered at once, and kept like a read.
  void begin(Run& run, const std::string& strand, int64_t position, const std::string& op, const Value& args);
  // An await that the journal knows as started and not finished: still under way, begun again, or of unknown
  // outcome.
  void resume(Run& run, const std::string& strand, int64_t position);
  // Ends what a strand that was given up waits for, if it is an await; the journal tells what became of it. A
  // question that has not been delivered will not be.
  void withdraw(Run& run, const std::string& strand);
  // Ends what a run waits for; nothing is reported.
  void cancel(Run& run);

  // Does the run that sent this ask still wait for its answer?
  bool waits(const mail::Message& ask) const;

  // The reply to the ask that the run `asker` sent as `message`: puts its journal row into `batch`, which the
  // caller commits, and returns what to call once that is on disk. Empty if that run does not wait for it
  // (any more).
  std::function<void()> take_reply(const std::string& message, int64_t asker, const Result<Value>& result,
                                   store::Batch& batch);

 private:
  // An ask whose answer is still to come.
  struct Ask {
    int64_t run = 0;
    std::string strand;
    int64_t position = 0;
    std::string asker;
    std::string asked;
    std::unique_ptr<Timer> timeout;  // nothing until the script waits for it
  };

  void launch(Run& run, const std::string& strand, int64_t position, const Value& args, int64_t started_at);
  void record(Run& run, const std::string& strand, int64_t position, const Result<Value>& result,
              store::Batch& batch);
  void hand_over(int64_t run, const std::string& strand, int64_t position);
  void conclude(int64_t run, const std::string& strand, int64_t position, Result<Value> result);
  Status check_ask(const Run& run, const Value& args, script::Call& call) const;
  // The circle that closes if `asker` waits for `asked`, as text; "" if none does.
  std::string circle(const std::string& asker, const std::string& asked) const;
  Ask& open_ask(const Run& run, const std::string& strand, int64_t position, const std::string& asked);
  void close_ask(std::map<std::string, Ask>::iterator ask);
  void expect_reply(Ask& ask, const std::string& id, const Value& args, int64_t started_at);

  Kernel kernel_;
  Handover& handover_;
  Find find_;
  Commit commit_;
  std::map<std::string, Effect*> effects_;
  std::map<std::string, Ask> asks_;  // by the id of the message that asks
  // Agent → the agents it waits for, and by how many asks: strands may ask the same one.
  std::map<std::string, std::map<std::string, size_t>> waits_for_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace clade::run
