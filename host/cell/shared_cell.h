// A cell that runs agents: the VMs in it, the runs that live there, and what becomes of them when it dies.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cell/cell.h"
#include "cell/zygote.h"
#include "run/executor.h"

namespace clade::cell {

class SharedCell;

// How a cell ended, for those whose runs were in it.
struct Death {
  std::vector<int64_t> runs;  // live in it; `blamed` is among them
  int64_t blamed = 0;         // the run that was executing; 0: none, or the script cannot be the cause
  std::optional<run::Program> culprit;  // the program that was executing
  bool full = false;   // its programs needed more memory together than it may have: none is to blame
  bool ran = true;     // false: it never got to any script, nor would another one
  std::string reason;  // a clause: "it was killed by SIGSEGV (…)"
};

// Its owner. May not destroy the cell from within, except in ended().
class SharedCellOwner {
 public:
  virtual ~SharedCellOwner() = default;
  // What runs report; a run that is over is forgotten by the cell, and left() called, before the event.
  virtual run::RunEvents& events() = 0;
  virtual void left(int64_t run) = 0;
  // Nothing may begin in it any more; ended() follows.
  virtual void doomed(SharedCell& cell) = 0;
  // It is alone, has no runs and nothing to do.
  virtual void idle(SharedCell& cell) = 0;
  // It is reaped. The last thing that it does.
  virtual void ended(SharedCell& cell, Death death) = 0;
};

class SharedCell final : private CellEvents {
 public:
  struct Options {
    CellLimits limits;
    SliceLimits slices;
    int64_t vm_memory_mb = 128;  // of each VM
    bool solo = false;           // for one program of one agent
  };

  // Spawns it. Errors: "io".
  static Result<std::unique_ptr<SharedCell>> start(loop::Loop& loop, Zygote& zygote, const Options& options,
                                                   SharedCellOwner& owner);
  // Kills it and reports nothing.
  ~SharedCell() override;
  SharedCell(const SharedCell&) = delete;
  SharedCell& operator=(const SharedCell&) = delete;

  // Starts a run, loading its program first where needed; the VM of an agent's former program goes with its
  // last run. Precondition: not doomed. Errors: "limit" (program, or state and argument, do not fit into a
  // frame).
  Status begin(const run::Program& program, const run::Invocation& invocation);
  void answer(int64_t run, const std::string& strand, const Result<Value>& value, int64_t now_ms);
  void cancel(int64_t run);
  // As Executor::at_rest.
  bool at_rest(int64_t run) const;
  // Ends it: ended() follows.
  void retire() { doom(); }
  // Hears nothing from it until told otherwise (Cell::hold).
  void hold(bool on) { cell_->hold(on); }

  size_t runs() const { return runs_.size(); }
  bool is_solo() const { return options_.solo; }
  // Its process, 0 while it is being born.
  int pid() const { return zygote_.pid_of(process_.id); }

 private:
  struct Vm {
    run::Program program;
    bool former = false;     // the agent runs another program now
    int64_t live = 0;        // runs
    uint64_t last_used = 0;  // in runs begun
  };
  struct LiveRun {
    int64_t vm = 0;
    bool cancelled = false;  // told to the cell, not to the owner any more
  };

  SharedCell(Zygote& zygote, Options options, SharedCellOwner& owner);
  Result<int64_t> vm_for(const run::Program& program);
  void retire_former(const std::string& agent, int64_t current);
  void unload(int64_t vm);
  void unload_least_recent();
  // Forgets a run; true if its end is to be reported.
  bool forget(int64_t run);
  void doom();
  void exited(const CellExit& exit);
  std::string stopped(const std::string& message) const;

  void loaded(int64_t vm, Result<Value> info) override;
  void called(int64_t run, const std::string& strand, int64_t position, const std::string& op,
              Value args) override;
  void finished(int64_t run, Value result, Value state, run::Usage usage) override;
  void failed(int64_t run, const std::string& message) override;
  void withdrawn(int64_t run, const std::string& strand) override;
  void rested(int64_t run) override;
  void logged(int64_t run, const std::string& level, const std::string& text) override;
  void cancelled(int64_t run) override;
  void result(Value) override {}
  void idle(int64_t memory) override;
  void overdue() override;
  void broken(const std::string& reason) override;

  Zygote& zygote_;
  Options options_;
  SharedCellOwner& owner_;
  CellProcess process_;
  std::optional<Cell> cell_;
  std::map<int64_t, Vm> vms_;
  std::map<int64_t, LiveRun> runs_;
  int64_t last_vm_ = 0;
  uint64_t runs_begun_ = 0;
  bool doomed_ = false;
  std::string reason_;  // why it was killed, where the host did it
};

}  // namespace clade::cell
