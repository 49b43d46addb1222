#include "cell/solo_cells.h"

#include <algorithm>

#include "base/clock.h"

namespace clade::cell {

SoloCells::SoloCells(loop::Loop& loop, size_t most, int64_t idle_ms)
    : most_(std::max<size_t>(1, most)), idle_us_(std::max<int64_t>(0, idle_ms) * 1000), timer_(loop) {}

void SoloCells::turn_to(const run::Program& program, bool alone) {
  for (auto& [cell, solo] : cells_) {
    const bool same = solo.key == program.key;
    if (solo.agent != program.agent || (same && alone)) continue;
    solo.former = true;
    if (solo.is_idle()) cell->retire();
  }
  arm_timer();
}

SharedCell* SoloCells::take(const run::Program& program) {
  const auto found = std::find_if(cells_.begin(), cells_.end(), [&](const auto& entry) {
    const Solo& solo = entry.second;
    return solo.is_idle() && solo.agent == program.agent && solo.key == program.key;
  });
  if (found == cells_.end()) return nullptr;
  found->second.idle_from_us = 0;
  arm_timer();
  return found->first;
}

bool SoloCells::has_place(const std::string& version) const {
  return cells_.size() < most_ || versions_.count(version) == 0;
}

void SoloCells::add(SharedCell& cell, const run::Program& program) {
  cells_[&cell] = Solo{program.agent, program.key, program.version};
  ++versions_[program.version];
}

void SoloCells::idle(SharedCell& cell) {
  const auto entry = cells_.find(&cell);
  if (entry == cells_.end() || entry->second.idle_from_us != 0) return;
  entry->second.idle_from_us = SystemClock().steady_us();
  if (entry->second.former) cell.retire();
  arm_timer();
}

void SoloCells::doomed(SharedCell& cell) {
  const auto entry = cells_.find(&cell);
  if (entry != cells_.end()) entry->second.doomed = true;
}

void SoloCells::ended(SharedCell& cell) {
  const auto entry = cells_.extract(&cell);
  if (!entry) return;
  const auto version = versions_.find(entry.mapped().version);
  if (--version->second == 0) versions_.erase(version);
  arm_timer();
}

void SoloCells::make_room(size_t places) {
  auto leaving = static_cast<size_t>(
      std::count_if(cells_.begin(), cells_.end(), [](const auto& entry) { return entry.second.doomed; }));
  for (auto next = longest_idle(); leaving < places && next != cells_.end(); next = longest_idle()) {
    next->first->retire();
    ++leaving;
  }
  arm_timer();
}

SoloCells::Cells::iterator SoloCells::longest_idle() {
  auto longest = cells_.end();
  for (auto entry = cells_.begin(); entry != cells_.end(); ++entry) {
    if (!entry->second.is_idle()) continue;
    if (longest == cells_.end() || entry->second.idle_from_us < longest->second.idle_from_us) longest = entry;
  }
  return longest;
}

void SoloCells::arm_timer() {
  const auto next = longest_idle();
  if (next == cells_.end()) return timer_.stop();
  const int64_t left_us = next->second.idle_from_us + idle_us_ - SystemClock().steady_us();
  timer_.start(std::max<int64_t>(left_us + 999, 0) / 1000, [this] { end_overdue(); });
}

void SoloCells::end_overdue() {
  const int64_t now_us = SystemClock().steady_us();
  for (auto& [cell, solo] : cells_) {
    if (solo.is_idle() && solo.idle_from_us + idle_us_ <= now_us) cell->retire();
  }
  arm_timer();
}

}  // namespace clade::cell
