// The processes of a host's cells, as the system sees them.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include <unistd.h>

namespace test {

// The children of the host's zygote: its cells.
inline std::vector<pid_t> cells_of(pid_t host) {
  auto children = [](pid_t parent) {
    std::vector<pid_t> pids;
    const std::string path =
        "/proc/" + std::to_string(parent) + "/task/" + std::to_string(parent) + "/children";
    std::ifstream in(path);
    for (pid_t pid = 0; in >> pid;) pids.push_back(pid);
    return pids;
  };
  std::vector<pid_t> cells;
  for (const pid_t zygote : children(host)) {
    for (const pid_t cell : children(zygote)) cells.push_back(cell);
  }
  return cells;
}

// The processor time that a process has had, in milliseconds; 0 if it is gone.
inline int64_t busy_ms(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::string field;
  std::getline(in, field, ')');
  int64_t user = 0;
  int64_t system = 0;
  for (int column = 3; column < 14; ++column) in >> field;
  in >> user >> system;
  return (user + system) * 1000 / sysconf(_SC_CLK_TCK);
}

}  // namespace test
