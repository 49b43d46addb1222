// A running host: store, library, queue, mail, dispatcher, pool, effects and control socket put together.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace clade::cli {

struct ServeOptions {
  std::string folder;                // the swarm's
  bool until_idle = false;           // stop once nothing is queued, in flight or due
  std::optional<bool> approve_auto;  // true: approve in nobody's name; unset: the swarm's setting, else ask
  std::optional<int64_t> seed;       // these three override the swarm's settings
  std::optional<int64_t> evaluations;
  std::optional<std::string> instances;  // "weibull:3:45:100" …; its form has been checked
  bool commit = false;                   // a git commit per published version
  std::string report;                    // folder for reports; "" for "report" in the swarm's folder
  int ready_descriptor = -1;             // when ≥ 0: see announce_ready in detach.h
  bool live = false;                     // redraw a view on the terminal
  bool json = false;                     // events as JSON lines
};

// Runs a host until it is stopped (signal, `clade stop`, idle with until_idle). Returns the exit status; what
// went wrong has been said on stderr. Call before any thread exists.
int serve(const ServeOptions& options);

}  // namespace clade::cli
