// The Lua side of `clade repl`: one cell that keeps its variables from chunk to chunk.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"

namespace clade::cli {

class ReplSession {
 public:
  struct Answer {
    bool ok = false;
    bool incomplete = false;  // the chunk ends too early: more lines may complete it
    std::string text;         // the values, or the error
  };

  // Starts the process that makes cells; call before any thread exists. Errors: "io".
  static Result<ReplSession> start();
  ~ReplSession();
  ReplSession(ReplSession&&) noexcept;
  ReplSession& operator=(ReplSession&&) noexcept;

  // Runs a chunk and waits. Ctrl-C interrupts it, a second one kills the cell. Errors: "killed" (the cell is
  // gone, says why; the next chunk gets a fresh one), "io".
  Result<Answer> run(const std::string& source);

 private:
  struct State;
  explicit ReplSession(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace clade::cli
