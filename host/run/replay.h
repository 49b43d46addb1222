// A past run once more, offline: the cell asks and gets what the recording says. Nothing takes effect and
// nothing is paid for; what the script would have done is collected.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <vector>

#include "base/value.h"
#include "run/answers.h"
#include "run/course.h"
#include "run/executor.h"
#include "run/recording.h"

namespace clade::run {

// How a replay went.
struct Replayed {
  enum class End {
    returned,  // the handler did
    raised,    // it did, or what it returned cannot be kept
    lost,      // it took its cell down
    stuck,     // it asked for what the recording has no answer to
  };
  End end = End::returned;
  std::string text;      // the error, or what it asked for
  Value result;          // when returned
  Value state;           // the same: the agent's state after it
  Value::Array effects;  // [{op, args}], in order: what would be committed if it returned
  Value::Array answers;  // [{op, args, result | error={code, message}}], in order: what it was handed
};

// "returned", "raised", "lost", "stuck"
const char* name(Replayed::End end);
// How it ended, result, state and effects, a line or more each: what two replays are compared by.
std::string replayed_text(const Replayed& replayed);

class Replay final : public RunEvents {
 public:
  using Done = std::function<void(Replayed)>;
  // All must outlive the replay; the executor reports to it. `done` is called once, from within an event.
  Replay(const Recording& recording, Executor& executor, Matching matching, Done done);

  // Starts `program`, which may be another than the recorded one.
  void start(const Program& program);

  void called(int64_t run, const std::string& strand, int64_t position, const std::string& op,
              Value args) override;
  void withdrawn(int64_t run, const std::string& strand) override;
  void rested(int64_t run) override;
  void finished(int64_t run, Value result, Value state, Usage usage) override;
  void failed(int64_t run, const std::string& message) override;
  void lost(int64_t run, bool blamed, const std::string& reason) override;
  void logged(int64_t, const std::string&, const std::string&) override {}

 private:
  struct Call {
    Place place;
    std::string op;
    Value args;
    std::string bytes;  // canonical, of args
    Answers::Choice choice;
  };
  bool diverges(const Call& call, const Recording::Answer* answer);
  bool is_answered_at_once(const Call& call, const Recording::Answer* answer) const;
  void answer(const Call& call, const Recording::Answer* recorded);
  void hand(const Call& call, Result<Value> value);
  void end(Replayed::End how, std::string text);

  const Recording& recording_;
  Executor& executor_;
  Matching matching_;
  Done done_;
  Replayed replayed_;
  Answers answers_;
  std::list<Call> calls_;  // that wait for their turn
  int64_t seen_ = 0;       // calls so far
  int64_t next_id_ = 1;    // as Outbox::next
  int64_t now_ms_ = 0;     // the run's time
  bool over_ = false;
};

}  // namespace clade::run
