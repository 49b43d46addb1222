// Programs that are asked about in a cell of their own, which ends with the answer: whether they load and
// pass their selftest, and what they make of a state. The host's questions and those of agents stand in two
// lines, each with its own places, so that no agent delays the host.
//
// On the loop's thread. Destroyed, it kills its cells and reports nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/turns.h"
#include "base/value.h"
#include "cell/fresh_cell.h"
#include "cell/pool.h"
#include "cell/zygote.h"
#include "loop/loop.h"
#include "run/executor.h"

namespace clade::cell {

class Checks {
 public:
  struct Options {
    TurnBounds places;      // of each line
    int64_t check_ms = 0;   // for the program's loading, and for its answer
    int64_t grace_ms = 0;   // then SIGKILL
    int64_t memory_mb = 0;  // of the VM
  };
  struct Question {
    run::Program program;
    std::optional<StateQuestion> state;       // none: its selftest
    std::function<void(Result<Value>)> done;  // what it says of itself; or the state
  };
  // Calls a function soon, unless this object is gone by then.
  using Later = std::function<void(std::function<void()>)>;

  Checks(loop::Loop& loop, Zygote& zygote, Options options, Later later);

  // Asks as soon as it is `agent`'s turn ("": the host's). `done` is called once unless it is cancelled,
  // never from within. `handle` is the caller's, and in no line. Errors: see Pool::check.
  void ask(uint64_t handle, const std::string& agent, Question question);
  void cancel(uint64_t handle);

  size_t running() const { return running_.size(); }
  size_t waiting() const { return own_.waiting() + agents_.waiting(); }

 private:
  struct Running {
    std::optional<StateQuestion> state;
    std::function<void(Result<Value>)> done;
    std::unique_ptr<FreshCell> cell;  // none if it could not start
    Value info;                       // once the program is loaded
  };

  void start_next();
  void begin(uint64_t handle, const run::Program& program);
  Result<std::unique_ptr<FreshCell>> open(uint64_t handle, const run::Program& program);
  Value next_frame(uint64_t handle, const Value& answer);
  void end(uint64_t handle, const FreshCell::Outcome& outcome);
  // It runs or waits no more.
  void leave_line(uint64_t handle);

  loop::Loop& loop_;
  Zygote& zygote_;
  Options options_;
  Later later_;
  Turns<Question> own_;  // the host's
  Turns<Question> agents_;
  std::map<uint64_t, Running> running_;  // whose turn it is
};

}  // namespace clade::cell
