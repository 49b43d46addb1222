// What a real `clade run` costs that has nothing to do: ten roles, each of which has worked, then a minute of
// peace.
//   idle_wakeups      how often threads of the host (zygote and cells not counted) were given the processor
//   in that
//                     minute: voluntary and involuntary context switches of /proc/PID/task/*/status
//   idle_wakeups_all  the same with the zygote and the cells
//   idle_rss          VmRSS of the host's process alone, at the end of the minute
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <dirent.h>
#include <poll.h>

#include "base/value.h"
#include "support/print.h"
#include "support/processes.h"
#include "support/swarm.h"

namespace {

constexpr int kRoles = 10;
constexpr int kMessages = 25;  // for each: enough to share a cell
constexpr int kSettleMs = 5000;
constexpr int kMinuteMs = 60000;

}  // namespace

int main() {
  std::string agents;
  for (int n = 0; n < kRoles; ++n) agents += "  role" + std::to_string(n) + ": {}\n";
  bench::Swarm swarm("idle", agents);
  for (int n = 0; n < kRoles; ++n) {
    const std::string role = swarm.folder() + "/agents/role" + std::to_string(n);
    std::filesystem::copy(swarm.folder() + "/agents/keeper", role, std::filesystem::copy_options::recursive);
    // Another text, or it would be the same version ten times.
    std::ofstream(role + "/init.lua", std::ios::app) << "-- " << n << "\n";
  }
  swarm.start();
  for (int n = 0; n < kMessages; ++n) swarm.mail("all", clade::Value{{"text", bench::filling()}});
  swarm.settle();
  ::poll(nullptr, 0, kSettleMs);  // the files of the log and the store come to rest
  const auto everything = bench::with_descendants(swarm.host());
  const auto switches = [](const std::vector<pid_t>& processes) {
    int64_t sum = 0;
    for (const pid_t process : processes) sum += bench::context_switches(process);
    return static_cast<double>(sum);
  };
  const double host = switches({swarm.host()});
  const double all = switches(everything);
  ::poll(nullptr, 0, kMinuteMs);
  bench::print("idle_wakeups", switches({swarm.host()}) - host, "1/min", "lower");
  bench::print("idle_wakeups_all", switches(everything) - all, "1/min", "lower");
  bench::print("idle_rss", bench::resident_mb(swarm.host()), "MB", "lower", 1);
  swarm.stop();
  return 0;
}
