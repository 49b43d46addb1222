// How a run stands, as the store and the command line name it.
#pragma once

#include <string>
#include <vector>

namespace clade::run {

enum class RunStatus {
  running,    // begun; waits, or goes on with the next host
  committed,  // its effects are there
  failed,     // the handler raised, asked too much, or its effects were refused
  lost,       // its cell died of it, or its host and nothing of it could go on
  diverged,   // it asked for something else than its journal says
  cancelled,  // its task was
  fenced,     // its task was another run's by then: nothing of it counts
};
inline constexpr int kRunStatuses = 7;

// As the store and the command line write it.
const char* name(RunStatus status);
// All of them, in this order.
std::vector<std::string> run_status_names();

}  // namespace clade::run
