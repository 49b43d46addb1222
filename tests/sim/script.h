// A handler as the simulation has it: strands that ask the host for things, drawn from a seed, so that a
// second execution asks for the same as long as it is told the same.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/value.h"
#include "run/executor.h"
#include "sim/random.h"
#include "sim/strands.h"
#include "sim/texts.h"
#include "sim/witness.h"

namespace sim {

// What the scripts of a history do more or less often: each history has habits of its own.
struct Habits {
  explicit Habits(uint64_t seed);
  uint64_t raises = 0;       // in percent of runs
  uint64_t diverges = 0;     // … asks for other things each time
  uint64_t strands = 1;      // that run beside each other from the start, at most
  uint64_t calls = 6;        // of the handler, at most
  uint64_t big = 0;          // in percent of payloads: some KB
  std::vector<int> weights;  // of each kind of call
};

class Script {
 public:
  struct Call {
    std::string op;
    clade::Value args;
  };

  Script(const Habits& habits, const clade::run::Program& program, const clade::run::Invocation& invocation,
         const std::string& agent, uint64_t history_seed, uint64_t execution);

  // What became of a strand that went on.
  struct Step {
    std::string strand;
    std::optional<Call> call;           // it waits for the host now
    std::vector<std::string> given_up;  // strands that waited for the host, and wait no longer
    std::string decided;                // the strand that waited for them; "" if none did
  };
  // Lets the next strand go on. One must be ready.
  Step go_on();
  bool any_ready() const { return strands_.any_ready(); }
  bool waits(const std::string& strand) const { return strands_.waits(strand); }
  // Of a decided strand: which of its groups it is, and how that came out, as text.
  std::string outcome(const std::string& strand) const;
  // What a strand asked last, and the position of that.
  const Call& last_call(const std::string& strand) const { return states_.at(strand).last; }
  int64_t position(const std::string& strand) const;
  // The answer to it.
  void answer(const std::string& strand, const clade::Result<clade::Value>& result);
  // The handler has returned.
  bool done() const { return strands_.over(); }
  // Its handler raises at its end instead of returning.
  bool raises() const { return raises_; }
  const Traits& traits() const { return traits_; }
  bool divergent() const { return divergent_; }
  // What it returned and wants to happen.
  const Intent& intent() const { return intent_; }

 private:
  struct Strand {
    explicit Strand(uint64_t seed) : random(seed) {}
    Random random;
    int64_t position = 0;
    int64_t left = 0;  // calls
    Call last;
    std::vector<std::string> added;  // ids of tasks it added
    bool joins = false;              // a group, which decides how it goes on
    bool insists = false;            // it raises if the last that it waited for failed
    bool failed = false;             // that did
    int64_t pause_ms = -1;           // it only waits so long: the clock of a clade.timeout
    int64_t number = 0;              // that it read last in clade.data
    size_t acts_before = 0;          // how much had happened to clade.data when it asked
  };
  Strand& state(const std::string& strand);
  // Begins a group of strands, if this is the moment.
  bool begin_group(const std::string& name, Strand& strand);
  void begin(const std::string& name, Strand& strand, Join kind, size_t count);
  Call draw(const std::string& name, Strand& strand);
  Call data_call(int kind, Strand& strand);
  std::optional<Call> first_call();
  clade::Value task(Strand& strand);
  clade::Value payload(Random& random);
  void take(Strand& strand, const clade::Result<clade::Value>& result);
  void take_data(Strand& strand, const clade::Result<clade::Value>& result);

  const Habits& habits_;
  clade::run::Invocation invocation_;
  std::string agent_;
  uint64_t seed_;
  Strands strands_;
  std::map<std::string, Strand> states_;  // of strands, ended ones too
  size_t beside_ = 0;                     // strands that are to run beside each other from the start
  int64_t groups_ = 0;                    // begun
  Traits traits_;
  bool raises_ = false;
  bool divergent_ = false;
  uint64_t execution_;
  int64_t depth_ = 0;  // how far it is from what a client asked for
  Intent intent_;
};

}  // namespace sim
