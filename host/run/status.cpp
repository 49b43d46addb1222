#include "run/status.h"

#include <array>

namespace clade::run {
namespace {

constexpr std::array<const char*, kRunStatuses> kNames = {
    "running", "committed", "failed", "lost", "diverged", "cancelled", "fenced",
};

}  // namespace

const char* name(RunStatus status) {
  return kNames.at(static_cast<size_t>(status));
}

std::vector<std::string> run_status_names() {
  return {kNames.begin(), kNames.end()};
}

}  // namespace clade::run
