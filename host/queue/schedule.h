// The order in which queued tasks are claimed: highest priority first, oldest first among equals, each not
// before it is due. Knows ids only. Thread: the loop's.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace clade::queue {

// Backoff before attempt n+1: 1 s × 2^(n−1), at most 60 s.
int64_t backoff_ms(int attempts_made);

class Schedule {
 public:
  // `order` is the task's age: smaller is older. `due_at` in ms since 1970. Replaces an entry of the same id.
  void add(const std::string& id, int priority, int64_t order, int64_t due_at);
  void remove(const std::string& id);
  // The first id that `accept` takes, of those due at `now`. What was due once stays due, whatever the clock
  // does; what would have to wait for longer than any backoff is due, too: the clock was set back.
  std::optional<std::string> first(int64_t now, const std::function<bool(const std::string& id)>& accept);
  // The earliest due time of those that are not due at `now` and never were.
  std::optional<int64_t> next_due(int64_t now);
  void clear();

 private:
  void ripen(int64_t now);
  using Place = std::tuple<int, int64_t, std::string>;  // −priority, order, id
  struct Entry {
    Place place;
    int64_t due_at;
  };
  std::unordered_map<std::string, Entry> entries_;
  std::set<Place> ready_;
  std::set<std::pair<int64_t, std::string>> later_;
};

}  // namespace clade::queue
