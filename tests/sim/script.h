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
#include "sim/witness.h"

namespace sim {

// What the scripts of a history do more or less often: each history has habits of its own.
struct Habits {
  explicit Habits(uint64_t seed);
  uint64_t raises = 0;       // in percent of runs
  uint64_t diverges = 0;     // … asks for other things each time
  uint64_t strands = 1;      // at most
  uint64_t calls = 6;        // of a strand, at most
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

  std::vector<std::string> strands() const;
  // What a strand asks next; nothing: it is done.
  std::optional<Call> next(const std::string& strand);
  // The position of the strand's last call.
  int64_t position(const std::string& strand) const;
  // The answer to it.
  void answer(const std::string& strand, const clade::Result<clade::Value>& result);
  // Every strand is done.
  bool done() const;
  // Its handler raises at its end instead of returning.
  bool raises() const { return raises_; }
  bool divergent() const { return divergent_; }
  // What it returned and wants to happen.
  const Intent& intent() const { return intent_; }

 private:
  struct Strand {
    Random random;
    int64_t position = 0;
    int64_t left = 0;
    bool waits = false;
    Call last;
    std::vector<std::string> added;  // ids of tasks it added
  };
  Call draw(const std::string& name, Strand& strand);
  std::optional<Call> first_call();
  clade::Value task(Strand& strand);
  clade::Value payload(Random& random);
  void take(Strand& strand, const clade::Result<clade::Value>& result);

  const Habits& habits_;
  clade::run::Invocation invocation_;
  std::string agent_;
  std::map<std::string, Strand> strands_;
  bool raises_ = false;
  bool divergent_ = false;
  uint64_t execution_;
  int64_t depth_ = 0;  // how far it is from what a client asked for
  Intent intent_;
};

}  // namespace sim
