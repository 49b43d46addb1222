#include "queue/schedule.h"

#include <algorithm>
#include <iterator>

namespace clade::queue {
namespace {
constexpr int64_t kFirstBackoffMs = 1000;
constexpr int64_t kLongestBackoffMs = 60000;
}  // namespace

int64_t backoff_ms(int attempts_made) {
  // 2^6 s is past the longest already: a larger shift would overflow in time.
  const int doublings = std::clamp(attempts_made - 1, 0, 6);
  return std::min(kFirstBackoffMs << doublings, kLongestBackoffMs);
}

Schedule::Lanes::iterator Schedule::enter(const std::string& type) {
  const auto lane = lanes_.try_emplace(type).first;
  ++lane->second.count;
  return lane;
}

void Schedule::leave(Lanes::iterator lane) {
  if (--lane->second.count == 0) lanes_.erase(lane);
}

void Schedule::add(const std::string& id, const std::string& type, int priority, int64_t order,
                   int64_t due_at) {
  remove(id);
  Entry entry{enter(type), {-priority, order, id}, due_at};
  if (due_at > 0) {
    later_.emplace(due_at, id);
  } else {
    entry.lane->second.ready.insert(entry.place);
  }
  entries_.emplace(id, std::move(entry));
}

void Schedule::remove(const std::string& id) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;
  const Entry& entry = found->second;
  entry.lane->second.ready.erase(entry.place);
  if (entry.due_at > 0) later_.erase({entry.due_at, id});
  leave(entry.lane);
  entries_.erase(found);
}

bool Schedule::add_stored(const std::string& type, int priority, int64_t order) {
  const auto lane = enter(type);
  auto& orders = lane->second.stored[-priority].all;
  if (!orders.empty() && orders.back() >= order) {
    leave(lane);
    return false;
  }
  orders.push_back(order);
  ++stored_;
  return true;
}

void Schedule::remove_stored(const std::string& type, int priority, int64_t order) {
  const auto lane = lanes_.find(type);
  if (lane == lanes_.end()) return;
  const auto found = lane->second.stored.find(-priority);
  if (found == lane->second.stored.end()) return;
  auto& [all, first] = found->second;
  const auto begin = all.begin() + static_cast<std::ptrdiff_t>(first);
  const auto place = std::lower_bound(begin, all.end(), order);
  if (place == all.end() || *place != order) return;
  if (place == begin) {
    ++first;
    // What is gone goes in large pieces: moving the rest each time would cost more than all else.
    if (first * 2 > all.size()) {
      all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(first));
      first = 0;
    }
  } else {
    all.erase(place);
  }
  if (found->second.size() == 0) lane->second.stored.erase(found);
  --stored_;
  leave(lane);
}

void Schedule::ripen(int64_t now) {
  const auto is_due = [this](const std::string& id) {
    const Entry& entry = entries_.at(id);
    entry.lane->second.ready.insert(entry.place);
  };
  while (!later_.empty() && later_.begin()->first <= now) {
    is_due(later_.begin()->second);
    later_.erase(later_.begin());
  }
  // No wait is so long: the clock was set back.
  while (!later_.empty() && later_.rbegin()->first > now + kLongestBackoffMs) {
    is_due(later_.rbegin()->second);
    later_.erase(std::prev(later_.end()));
  }
}

std::optional<Schedule::Next> Schedule::first(int64_t now, const Takes& takes) {
  ripen(now);
  const Place* best = nullptr;
  Place stored;
  for (const auto& [type, lane] : lanes_) {
    const Place* held = lane.ready.empty() ? nullptr : &*lane.ready.begin();
    const bool is_held = held && (!best || *held < *best);
    bool is_stored = false;
    Place place;
    if (!lane.stored.empty()) {
      const auto& [priority, orders] = *lane.stored.begin();
      place = {priority, orders.all[orders.first], ""};
      is_stored = (!held || place < *held) && (!best || place < *best);
    }
    if ((!is_held && !is_stored) || !takes(type)) continue;
    if (is_stored) {
      stored = place;
      best = &stored;
    } else {
      best = held;
    }
  }
  if (!best) return std::nullopt;
  return Next{std::get<2>(*best), std::get<1>(*best)};
}

std::optional<int64_t> Schedule::next_due(int64_t now) {
  ripen(now);
  if (later_.empty()) return std::nullopt;
  return later_.begin()->first;
}

std::map<std::string, size_t> Schedule::types() const {
  std::map<std::string, size_t> counts;
  for (const auto& [type, lane] : lanes_) counts[type] = lane.count;
  return counts;
}

void Schedule::clear() {
  entries_.clear();
  lanes_.clear();
  later_.clear();
  stored_ = 0;
}

}  // namespace clade::queue
