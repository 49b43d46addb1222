#include "support/processes.h"

#include <filesystem>
#include <fstream>
#include <string>

#include "support/print.h"

namespace bench {
namespace {

// The sum of the numbers on lines of a status file that contain `name`.
int64_t field(const std::string& status, const std::string& name) {
  std::ifstream in(status);
  int64_t sum = 0;
  for (std::string line; std::getline(in, line);) {
    if (line.find(name) != std::string::npos) sum += std::stoll(line.substr(line.find(':') + 1));
  }
  return sum;
}

std::string folder_of(pid_t process) {
  return "/proc/" + std::to_string(process);
}

}  // namespace

std::vector<pid_t> with_descendants(pid_t process) {
  std::vector<pid_t> all = {process};
  for (size_t next = 0; next < all.size(); ++next) {
    for (const auto& thread : std::filesystem::directory_iterator(folder_of(all[next]) + "/task")) {
      std::ifstream children(thread.path() / "children");
      for (pid_t child = 0; children >> child;) all.push_back(child);
    }
  }
  return all;
}

int64_t context_switches(pid_t process) {
  int64_t sum = 0;
  for (const auto& thread : std::filesystem::directory_iterator(folder_of(process) + "/task"))
    sum += field(thread.path() / "status", "ctxt_switches");
  return sum;
}

double resident_mb(pid_t process) {
  const int64_t kilobytes = field(folder_of(process) + "/status", "VmRSS");
  if (kilobytes == 0) fail("no process " + std::to_string(process));
  return static_cast<double>(kilobytes) / 1024;
}

}  // namespace bench
