// The cells of the simulation: they play scripts (script.h) on the loop, late and out of order among each
// other, and die now and then. And the effects that scripts await, which begin in the witness's world.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "run/effect.h"
#include "run/executor.h"
#include "sim/counters.h"
#include "sim/loop.h"
#include "sim/script.h"
#include "sim/suspicions.h"
#include "sim/witness.h"

namespace sim {

// What every part of a history shares.
struct World {
  uint64_t seed;
  Trace& trace;
  Time& time;
  Disk& disk;
  Witness& witness;
  Counters& counters;
  const Habits& habits;
  uint64_t life = 0;  // counts lives
};

class Cells final : public clade::run::Executor {
 public:
  // How often a cell dies, or hangs until it is killed, in 1/1000 of calls.
  struct Troubles {
    uint64_t deaths = 0;
    uint64_t hangs = 0;
  };
  Cells(World& world, Loop& loop, Troubles troubles) : world_(world), loop_(loop), troubles_(troubles) {}

  // Who is told what scripts do. Before the first start.
  void report_to(clade::run::RunEvents& events, Suspicions& suspicions) {
    events_ = &events;
    suspicions_ = &suspicions;
  }
  // Called at times when a handler has returned and the host does not know it yet, with its task or message.
  void on_late_return(std::function<void(const std::string& trigger)> function) {
    late_return_ = std::move(function);
  }

  void start(const clade::run::Program& program, clade::run::Invocation invocation) override;
  void answer(int64_t run, const std::string& strand, clade::Result<clade::Value> value,
              int64_t now_ms) override;
  bool at_rest(int64_t run) const override;
  void cancel(int64_t run) override;

 private:
  struct Live {
    uint64_t execution = 0;
    std::string agent;
    std::string trigger;
    std::unique_ptr<Script> script;
    bool awake = false;  // one of its strands runs, or is about to
    bool hangs = false;
  };
  // A strand can go on: it does so a little later.
  void wake(int64_t run, Live& live);
  void later(int64_t run, const Live& live);
  void step(int64_t run, uint64_t execution);
  void go_on(int64_t run, Live& live);
  // The script gave up what strands waited for, and the host has to be told.
  void give_up(int64_t run, const Script& script, const Script::Step& step);
  void call(int64_t run, const Script& script, Script::Step step);
  void end(int64_t run, Live& live);
  void lose(int64_t run, bool blamed);
  void hang(int64_t run, Live& live);

  World& world_;
  Loop& loop_;
  const Troubles troubles_;
  clade::run::RunEvents* events_ = nullptr;
  Suspicions* suspicions_ = nullptr;
  std::function<void(const std::string&)> late_return_;
  std::map<int64_t, Live> live_;
  uint64_t executions_ = 0;
};

// An effect of the world outside: it takes its time, and may fail.
class WorldEffect final : public clade::run::Effect {
 public:
  WorldEffect(World& world, Loop& loop, bool idempotent)
      : world_(world), loop_(loop), idempotent_(idempotent) {}

  bool idempotent() const override { return idempotent_; }
  clade::Status check(const clade::Value& args, clade::script::Call& call) const override;
  uint64_t start(const clade::run::EffectRequest& request, Done done) override;
  void cancel(uint64_t handle) override;

 private:
  World& world_;
  Loop& loop_;
  const bool idempotent_;
  struct UnderWay {
    Place place;
    Done done;
  };
  std::map<uint64_t, UnderWay> under_way_;
  uint64_t last_ = 0;
};

}  // namespace sim
