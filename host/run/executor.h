// What a run needs from whoever executes Lua. Implemented by cell/ (the pool); a test has its own. One
// direction: run tells the executor what to do, the executor reports to RunEvents. All on the loop's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "base/result.h"
#include "base/value.h"

namespace clade::run {

// A module's text as it is loaded into a VM.
struct Module {
  std::string source;
  std::string chunk;  // name in tracebacks: "skills/optimize/bin_packing/init.lua@3fa2b1c09d11"
};

// What a VM is made of. Equal programs may share a VM between runs (agents keep nothing in it: state is the
// host's).
struct Program {
  std::string agent;    // instance, e.g. "builder" or "builder#2"
  std::string version;  // hash of the agent's script: blamed when it takes the cell down
  Module main;
  std::map<std::string, Module, std::less<>> modules;  // what `require` finds: skills by id
  std::string key;                                     // equal for equal programs: hash over all hashes
  bool confirmed = false;                              // it may share a process with other programs
};

// A handler to call.
struct Invocation {
  int64_t run = 0;
  std::string handler;       // "on_task", "on_mail"
  Value state;               // nil: the script's own `state` table
  std::string from_version;  // when not empty, `migrate(from_version, state)` runs first
  int64_t from_schema = 0;   // the number of the state's form; 0: unknown, taken as the script's own
  Value argument;            // the task or message
  int64_t now_ms = 0;        // the run's time
  int64_t seed = 0;          // the run's randomness
};

// What one execution of a handler used. The cell says so itself: the host bounds what cannot be, no more.
struct Usage {
  int64_t cpu_us = 0;        // processor time of its slices, all together
  int64_t memory_bytes = 0;  // that its VM held afterwards; of an unconfirmed program without garbage
};

// A state that a program is asked about.
struct StateQuestion {
  Value state;               // nil: the script's own
  std::string from_version;  // that wrote it; empty: the program's
  int64_t from_schema = 0;   // the number of its form; 0: unknown, taken as the program's
};

// Asks a program what it makes of a state: brings it to its form, and has its `check` look at it. `done` is
// called once, never from within, with the state as the program would go on with it, unless what this returns
// has called it off.
using Examine = std::function<std::function<void()>(Program program, StateQuestion question,
                                                    std::function<void(Result<Value>)> done)>;

class RunEvents {
 public:
  virtual ~RunEvents() = default;
  // The script asks the host for something and waits: answer with Executor::answer, now or later.
  virtual void called(int64_t run, const std::string& strand, int64_t position, const std::string& op,
                      Value args) = 0;
  // The handler returned. `state` is the agent's state after it.
  virtual void finished(int64_t run, Value result, Value state, Usage usage) = 0;
  // The handler raised, did not load, or overran its soft deadline. `message` has the traceback.
  virtual void failed(int64_t run, const std::string& message) = 0;
  // The cell is gone. `blamed`: this run was executing in it; otherwise it was a neighbour.
  virtual void lost(int64_t run, bool blamed, const std::string& reason) = 0;
  // The strand waits no longer: clade.any gave it up. What it asked for is to end, and gets no answer.
  virtual void withdrawn(int64_t run, const std::string& strand) = 0;
  // Executor::at_rest has become true.
  virtual void rested(int64_t run) = 0;
  // A line the script logged.
  virtual void logged(int64_t run, const std::string& level, const std::string& text) = 0;
};

class Executor {
 public:
  virtual ~Executor() = default;
  // Exactly one of finished, failed, lost follows, unless the run is cancelled.
  virtual void start(const Program& program, Invocation invocation) = 0;
  // `now_ms`: the run's time from then on.
  virtual void answer(int64_t run, const std::string& strand, Result<Value> value, int64_t now_ms) = 0;
  // True if no code of the run executes or is about to: it has begun, and all its strands wait for answers.
  virtual bool at_rest(int64_t run) const = 0;
  // Forgets the run: nothing about it is reported any more.
  virtual void cancel(int64_t run) = 0;
};

}  // namespace clade::run
