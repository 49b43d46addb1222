// Past runs again, offline, in a cell of their own: the engine behind `clade replay` and `clade agent test`.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "base/value.h"
#include "run/executor.h"
#include "run/recording.h"
#include "run/replay.h"

namespace clade::cli {

class Replayer {
 public:
  // Starts the process that makes cells; call before any thread exists. Errors: "io".
  static Result<Replayer> start();
  Replayer(Replayer&&) noexcept;
  Replayer& operator=(Replayer&&) noexcept;
  ~Replayer();

  // Runs a recording with a program and waits. Errors: "io" (no cell could be made).
  Result<run::Replayed> replay(const run::Recording& recording, const run::Program& program,
                               run::Matching matching);
  // Loads a program and runs its selftest. Errors: as Pool::check.
  Status selftest(const run::Program& program);

 private:
  struct State;
  explicit Replayer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// {end, text, result, state, effects, answers}
Value replayed_value(const run::Replayed& replayed);

// A file that takes the place of what the recording ran: skills/LAYER/NAME/init.lua of the swarm that skill,
// any other the agent's own script.
struct Replacement {
  std::string skill;  // its id; "" for the agent's script
  run::Module module;
};
// Errors: "not_found", "io".
Result<Replacement> read_replacement(const std::string& folder, const std::string& file);

// `program` with the replacement in it, and the skills that its role uses by now besides those it had.
run::Program replaced_program(const std::string& folder, const run::Recording& recording,
                              run::Program program, const Replacement& replacement);

// The program of a role as its files are. Errors: those of read_skills, "not_found".
Result<run::Program> program_of_files(const std::string& folder, const std::string& role,
                                      const std::string& agent);

}  // namespace clade::cli
