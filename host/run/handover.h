// Hands a run what it asked for, in the same order whenever it is executed again. The strands of a handler
// share its variables and its outbox: what it does depends on which of them goes on first, and clade.any on
// nothing else.
//
// What the host can answer at once (an effect that enters the outbox, a refusal) it answers when it is asked.
// Everything else has a turn: the journal counts results as they come in, the next one is handed when all
// strands wait, and not before all that had a turn in a former execution are handed. Only then what that left
// unfinished is taken up again, so that nothing is begun for a strand that was given up in the end.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "base/value.h"
#include "run/course.h"
#include "run/executor.h"
#include "run/run.h"

namespace clade::run {

class Handover {
 public:
  // A live run by number, or nullptr.
  using Find = std::function<Run*(int64_t)>;
  // Ends a run that took another way than before; the text names both.
  using Diverged = std::function<void(Run&, const std::string&)>;
  // Goes on with a call that the journal knows, and that was without a result when the handler came to it.
  using TakeUp = std::function<void(Run&, const Place&)>;

  Handover(Executor& executor, Find find, Diverged diverged, TakeUp take_up);

  // An execution of the run begins.
  static void begin(Run& run);
  // Answers a call that the script made a moment ago, before anything else.
  void at_once(Run& run, const std::string& strand, Result<Value> result);
  // The result of a call is there: go_on() hands it when its turn has come. `make` may be left out if the
  // journal has it.
  static void ready(Run& run, const Place& place, Course::Make make = nullptr);
  // The handler came to a call that a former execution left without a result.
  static void cut_off(Run& run, const Place& place) { run.course.cut_off.push_back(place); }
  // A strand waits no longer: it gets nothing more.
  static void withdraw(Run& run, const std::string& strand);
  // Hands what is next, if all strands wait. May end the run.
  void go_on(int64_t run);
  // What the journal knows and a handler that has returned did not call, as a text; "" if there is nothing.
  static std::string left_out(const Run& run);

 private:
  Executor& executor_;
  Find find_;
  Diverged diverged_;
  TakeUp take_up_;
};

}  // namespace clade::run
