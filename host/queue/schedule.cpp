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

void Schedule::add(const std::string& id, int priority, int64_t order, int64_t due_at) {
  remove(id);
  Entry entry{{-priority, order, id}, due_at};
  if (due_at > 0) {
    later_.emplace(due_at, id);
  } else {
    ready_.insert(entry.place);
  }
  entries_.emplace(id, std::move(entry));
}

void Schedule::remove(const std::string& id) {
  auto found = entries_.find(id);
  if (found == entries_.end()) return;
  ready_.erase(found->second.place);
  later_.erase({found->second.due_at, id});
  entries_.erase(found);
}

void Schedule::ripen(int64_t now) {
  while (!later_.empty() && later_.begin()->first <= now) {
    ready_.insert(entries_.at(later_.begin()->second).place);
    later_.erase(later_.begin());
  }
  // No wait is so long: the clock was set back.
  while (!later_.empty() && later_.rbegin()->first > now + kLongestBackoffMs) {
    ready_.insert(entries_.at(later_.rbegin()->second).place);
    later_.erase(std::prev(later_.end()));
  }
}

std::optional<std::string> Schedule::first(int64_t now,
                                           const std::function<bool(const std::string& id)>& accept) {
  ripen(now);
  for (const auto& place : ready_) {
    if (accept(std::get<2>(place))) return std::get<2>(place);
  }
  return std::nullopt;
}

std::optional<int64_t> Schedule::next_due(int64_t now) {
  ripen(now);
  if (later_.empty()) return std::nullopt;
  return later_.begin()->first;
}

void Schedule::clear() {
  entries_.clear();
  ready_.clear();
  later_.clear();
}

}  // namespace clade::queue
