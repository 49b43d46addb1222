// `clade repl`: reads chunks from a terminal (with editing and history) or a pipe, runs each in a cell,
// prints values.
#pragma once

namespace clade::cli {

// Returns the exit status: 0 at the end of input or :quit; from a pipe, 1 if a chunk failed.
int run_repl();

}  // namespace clade::cli
