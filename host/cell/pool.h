// The pool of cells: shared ones that run agents (one per core), a fresh one for every evaluation, and the
// deadlines of all of them. The host side of rule 1: what a cell sends is checked (cell.h) before anything
// else sees it.
//
// An unconfirmed program's run gets a cell of its own, which stays for the next one of the same program and
// agent (solo_cells.h). Confirmed ones share: an agent keeps its cell as long as that lives. When a cell
// dies, all its runs are lost, and each run of the program that was executing gets a cell of its own from
// then on. A cell whose programs together need more memory than it may have dies too, without blame: it is
// the one that asked for more that moves out.
//
// All on the loop's thread. Destroy it before the zygote and the loop.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/log.h"
#include "base/result.h"
#include "base/value.h"
#include "cell/zygote.h"
#include "loop/loop.h"
#include "run/executor.h"

namespace clade::cell {

// A chunk to evaluate in a fresh process with full isolation. See the frame "eval" in protocol.h.
struct EvalRequest {
  std::string agent;  // instance whose turn it takes
  run::Module main;
  std::string entry;
  Value args;  // array
  std::map<std::string, run::Module, std::less<>> modules;
  struct Subject {
    run::Module main;
    std::map<std::string, run::Module, std::less<>> modules;
  };
  std::optional<Subject> subject;
  int64_t cpu_ms = 1000;    // soft; dies with a traceback, hard by RLIMIT_CPU
  int64_t wall_ms = 10000;  // soft; hard 500 ms later
  int64_t memory_mb = 64;
};

struct EvalResult {
  bool ok = false;
  Value value;
  std::string error;   // with traceback
  std::string code;    // "error", "syntax", "cpu", "wall", "memory", "killed", "protocol"
  std::string output;  // what it printed
  int64_t units = 0;
  int64_t cpu_us = 0;
  int64_t wall_us = 0;
  int64_t memory_kb = 0;  // the most that its process had resident
  uint64_t cell = 0;      // the process it had to itself: a number that no other evaluation gets
};

// What a program says of itself when it is loaded.
struct ProgramInfo {
  Value info;  // {api, tasks, mail, schema, has={…}, state}: see protocol.h
};

using run::StateQuestion;

struct PoolOptions {
  int shared_cells = 2;
  // Cells of programs that are not confirmed, with a run or kept for the next one: further runs wait until
  // one has ended. One of each script version always has a cell: others may wait for its answer.
  int solo_cells = 128;
  int64_t solo_idle_ms = 10000;   // so long one is kept
  int parallel_evaluations = 2;   // and one more, of an agent that has none; others wait for their turn
  int64_t slice_ms = 2000;        // a handler between two waits: soft
  int64_t slice_grace_ms = 1000;  // then SIGKILL
  int64_t memory_mb = 256;        // of a shared cell, all VMs together
  int64_t vm_memory_mb = 128;     // of one VM in it
  int64_t wall_grace_ms = 500;    // of an evaluation: from wall_ms to SIGKILL
  int64_t check_ms = 5000;        // a program's loading and its selftest, each
};

class Pool final : public run::Executor {
 public:
  // `events` is told of runs; set before the first start.
  Pool(loop::Loop& loop, Zygote& zygote, PoolOptions options, Log& log);
  ~Pool() override;
  void report_to(run::RunEvents* events);

  void start(const run::Program& program, run::Invocation invocation) override;
  void answer(int64_t run, const std::string& strand, Result<Value> value, int64_t now_ms) override;
  bool at_rest(int64_t run) const override;
  void cancel(int64_t run) override;

  // Reads nothing from the cells of agents until told otherwise: what they ask for is more than the store
  // takes in. Their deadlines stand still meanwhile.
  void hold(bool on);

  // Evaluates in a cell of its own. `done` is called once unless cancelled, never from within; the cell is
  // reaped by then. Returns a handle.
  uint64_t evaluate(EvalRequest request, std::function<void(EvalResult)> done);
  void cancel_evaluation(uint64_t handle);

  // Loads a program in a cell of its own, runs its `selftest` if it has one, and reports what it says of
  // itself. Those for `agent` (an instance) wait for their turn as evaluations do; those for "", the host
  // itself, have places of their own, so that no agent delays them. `done` is called once unless cancelled,
  // never from within. Returns a handle. Errors: "syntax", "error", "cpu", "wall", "memory",
  // "killed", "protocol", "limit", "io"; the message has file:line.
  uint64_t check(run::Program program, const std::string& agent,
                 std::function<void(Result<ProgramInfo>)> done);
  void cancel_check(uint64_t handle);

  // What a program makes of a state, in a cell of its own: brings it to its form with `migrate` and lets its
  // `check` look at it. Nothing comes of it but the answer, the state as the program would go on with it. The
  // question is the host's, as those of check() for "". `done` is called once unless cancelled, never from
  // within. Returns a handle. Errors: as of check.
  uint64_t examine(run::Program program, StateQuestion question, std::function<void(Result<Value>)> done);
  void cancel_examination(uint64_t handle);

  // The process that a run is in, 0 if it is in none.
  int process_of(int64_t run) const;

  // For status: {shared, solo, evaluating, waiting, checking, unchecked, deaths}: cells alive, evaluations
  // that run and that wait, checks that do, deaths of shared cells so far.
  Value statistics() const;

 private:
  struct State;
  std::shared_ptr<State> state_;  // weakly held by what is posted to the loop
};

}  // namespace clade::cell
