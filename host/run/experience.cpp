#include "run/experience.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/codec.h"
#include "run/program.h"

namespace clade::run {
namespace {

// Runs that are looked through at a start.
constexpr int64_t kLookedThrough = 2000;

constexpr int64_t kCpuTimes = 4;
constexpr int64_t kCpuUs = 500;
constexpr int64_t kWallTimes = 5;
constexpr int64_t kWallMs = 1000;
constexpr int64_t kMemoryTimes = 4;
constexpr int64_t kMemoryBytes = 8 << 20;
constexpr size_t kGrowingRuns = 10;
constexpr int64_t kGrowthBytes = 1 << 20;
constexpr int64_t kEmittedTimes = 10;
constexpr int64_t kEmitted = 50;

int64_t median(const std::deque<Cost>& costs, int64_t Cost::*what) {
  std::vector<int64_t> values;
  for (const Cost& cost : costs) values.push_back(cost.*what);
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

int64_t most(const std::deque<Cost>& costs, int64_t Cost::*what) {
  int64_t found = 0;
  for (const Cost& cost : costs) found = std::max(found, cost.*what);
  return found;
}

std::string in_ms(int64_t us) {
  return std::to_string(us / 1000) + "." + std::to_string(us % 1000 / 100) + " ms";
}

std::string in_mb(int64_t bytes) {
  return std::to_string((bytes >> 10) / 1024) + "." + std::to_string((bytes >> 10) % 1024 * 10 / 1024) +
         " MB";
}

// By how much what an agent's VM holds has grown with each of its last runs; 0 if it did not always grow.
int64_t growth(const std::deque<Cost>& costs, const std::string& agent) {
  std::vector<int64_t> held;
  for (const Cost& cost : costs) {
    if (cost.agent == agent) held.push_back(cost.memory_bytes);
  }
  if (held.size() < kGrowingRuns) return 0;
  held.erase(held.begin(), held.end() - static_cast<std::ptrdiff_t>(kGrowingRuns));
  const bool always = std::adjacent_find(held.begin(), held.end(), std::greater_equal<>()) == held.end();
  return always ? held.back() - held.front() : 0;
}

}  // namespace

Status Experience::load(store::Database& database) {
  auto rows = database.prepare(
      "SELECT version, pins, agent, cpu_us, finished_at - started_at, memory_bytes, emitted FROM (SELECT * "
      "FROM run "
      "ORDER BY id DESC LIMIT ?) WHERE status = 'committed' AND cpu_us > 0 ORDER BY id");
  rows.bind(1, kLookedThrough);
  std::map<std::pair<std::string, std::string>, std::string> combinations;  // by version and pins
  for (;;) {
    auto row = rows.step();
    if (!row) return failure(row.error());
    if (!*row) return {};
    std::string& combination = combinations[{rows.text(0), rows.text(1)}];
    if (combination.empty()) {
      auto pins = decode_json(rows.text(1));
      if (!pins) return failure("corrupt", "the pins of a run are damaged: " + pins.error().message);
      combination = combination_of(rows.text(0), *pins);
    }
    add(combination, {rows.text(2), rows.integer(3), rows.integer(4), rows.integer(5), rows.integer(6)});
  }
}

void Experience::add(const std::string& combination, Cost cost) {
  Entry& entry = entries_[combination];
  entry.last = ++additions_;
  entry.costs.push_back(std::move(cost));
  if (entry.costs.size() > kRemembered) entry.costs.pop_front();
  if (entries_.size() <= kCombinations) return;
  entries_.erase(std::min_element(entries_.begin(), entries_.end(), [](const auto& one, const auto& other) {
    return one.second.last < other.second.last;
  }));
}

const std::deque<Cost>& Experience::of(const std::string& combination) const {
  static const std::deque<Cost> kNone;
  const auto found = entries_.find(combination);
  return found == entries_.end() ? kNone : found->second.costs;
}

std::string worse_than(const std::deque<Cost>& now, const std::deque<Cost>& before) {
  if (now.size() < kEnoughRuns) return "";
  if (const int64_t grown = growth(now, now.back().agent); grown > kGrowthBytes) {
    return "what it holds in memory grew with each of the last " + std::to_string(kGrowingRuns) +
           " runs of " + now.back().agent + ", by " + in_mb(grown);
  }
  if (before.size() < kEnoughRuns) return "";
  const int64_t cpu_us = median(now, &Cost::cpu_us);
  if (const int64_t was = median(before, &Cost::cpu_us); cpu_us > kCpuTimes * was + kCpuUs)
    return "a run takes " + in_ms(cpu_us) + " of processor time, and " + in_ms(was) + " before";
  const int64_t wall_ms = median(now, &Cost::wall_ms);
  if (const int64_t was = median(before, &Cost::wall_ms); wall_ms > kWallTimes * was + kWallMs)
    return "a run takes " + std::to_string(wall_ms) + " ms, and " + std::to_string(was) + " ms before";
  const int64_t held = now.back().memory_bytes;
  if (const int64_t was = most(before, &Cost::memory_bytes); held > kMemoryTimes * was + kMemoryBytes)
    return "it holds " + in_mb(held) + " of memory after a run, and " + in_mb(was) + " before";
  return "";
}

std::string floods(int64_t emitted, const std::deque<Cost>& before) {
  if (before.size() < kEnoughRuns) return "";
  const int64_t was = most(before, &Cost::emitted);
  if (emitted <= std::max(kEmitted, kEmittedTimes * was)) return "";
  return "it would emit " + std::to_string(emitted) + " tasks and messages in one run, and at most " +
         std::to_string(was) + " before";
}

}  // namespace clade::run
