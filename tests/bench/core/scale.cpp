// How a real `clade run` starts with much to know: the time until its control socket answers `status`, and
// what its process alone has in memory then (VmRSS).
//   start_empty          one agent, nothing in the store
//   start_agents_10000   10,000 agents that have worked before and are passivated now: each has a state of
//   200 bytes
//                        in the store and no VM
//   start_tasks_1000000  1,000,000 tasks of 100 types queued, payloads of 200 bytes; nobody takes them yet
//   load_tasks_1000000   the part of it that reading the queue takes, in the core alone
// The file cache is warm: what is read was written a moment before.
#include <filesystem>
#include <memory>
#include <string>

#include "base/value.h"
#include "support/core.h"
#include "support/print.h"
#include "support/processes.h"
#include "support/swarm.h"

namespace {

using bench::print;
using bench::Swarm;

constexpr int kAgents = 10000;
constexpr int kInstances = 50;  // of an entry of swarm.yaml
constexpr int kRunsToShare = 20;
constexpr int64_t kTasks = 1000000;
constexpr int kTypes = 100;

void print_start(const std::string& name, double seconds, const Swarm& swarm) {
  print("start_" + name, seconds, "s", "lower", 3);
  print("rss_" + name, bench::resident_mb(swarm.host()), "MB", "lower", 1);
}

void measure_agents() {
  std::string agents;
  for (int n = 0; n < kAgents / kInstances; ++n) {
    agents +=
        "  keeper" + std::to_string(n) + ": {role: keeper, instances: " + std::to_string(kInstances) + "}\n";
  }
  Swarm swarm("scale", agents);
  swarm.start();
  // Before a role has proved itself, each of its runs has a process of its own.
  for (int n = 0; n < kRunsToShare; ++n) swarm.mail("agent:keeper0", clade::Value{{"text", ""}});
  swarm.settle();
  swarm.mail("role:keeper", clade::Value{{"text", std::string(bench::kPayloadBytes, 'x')}});
  swarm.settle();
  if (swarm.count("SELECT count(*) FROM agent") != kAgents) bench::fail("not every agent has a state");
  swarm.stop();
  print_start("agents_10000", swarm.start(), swarm);
  swarm.stop();
}

void measure_tasks() {
  Swarm swarm("scale", "  keeper: {}\n");
  print_start("empty", swarm.start(), swarm);
  swarm.stop();
  const std::string state = swarm.folder() + "/.clade";
  std::make_unique<bench::Core>(state)->fill(kTasks,
                                             [](int64_t n) { return "type_" + std::to_string(n % kTypes); });
  const double loading = std::make_unique<bench::Core>(state)->load_seconds;
  print_start("tasks_1000000", swarm.start(), swarm);
  print("load_tasks_1000000", loading, "s", "lower", 3);
  if (swarm.count("SELECT count(*) FROM task WHERE state = 'queued'") != kTasks)
    bench::fail("not every task is queued");
}

}  // namespace

int main() {
  measure_tasks();
  measure_agents();
  return 0;
}
