// A zygote of the real binary, attached to a loop.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <dirent.h>
#include <sys/types.h>

#include "cell/zygote.h"
#include "loop/loop.h"
#include "support/polite_stop.h"

namespace clade::cell {

using test::kGraceMs;
using test::kStopsPolitely;

// Children of a process, as /proc tells.
inline std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> children;
  DIR* folder = opendir("/proc");
  while (const dirent* entry = readdir(folder)) {
    const pid_t pid = atoi(entry->d_name);
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string line;
    if (pid <= 0 || !std::getline(file, line)) continue;
    // pid (name) state parent …; the name may hold anything.
    char state = 0;
    pid_t its_parent = 0;
    sscanf(line.c_str() + line.rfind(')') + 1, " %c %d", &state, &its_parent);
    if (its_parent == parent) children.push_back(pid);
  }
  closedir(folder);
  return children;
}

struct ZygoteFixture {
  ZygoteFixture() {
    auto started = Zygote::start(CLADE_BINARY);
    REQUIRE(started);
    zygote.emplace(*std::move(started));
    zygote->attach(loop, [this](const std::string& reason) {
      INFO(reason);
      REQUIRE(on_death);
      on_death();
    });
  }

  loop::Loop loop;
  std::optional<Zygote> zygote;
  std::function<void()> on_death;  // unset: a failure
};

}  // namespace clade::cell
