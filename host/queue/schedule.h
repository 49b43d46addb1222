// The order in which queued tasks are claimed: highest priority first, oldest first among equals, each not
// before it is due. Kept by type, so that looking for a task costs the same however many wait that nobody
// free can take. Thread: the loop's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

namespace clade::queue {

// Backoff before attempt n+1: 1 s × 2^(n−1), at most 60 s.
int64_t backoff_ms(int attempts_made);

class Schedule {
 public:
  // Which types may be claimed.
  using Takes = std::function<bool(const std::string& type)>;
  struct Next {
    std::string id;     // "" for one that the store alone has
    int64_t order = 0;  // its age
  };

  // `order` is the task's age: smaller is older. `due_at` in ms since 1970. Replaces an entry of the same id.
  void add(const std::string& id, const std::string& type, int priority, int64_t order, int64_t due_at);
  void remove(const std::string& id);
  // One that is due and whose rest the store alone has. False, and nothing changes, if it is older than the
  // last one added of its type and priority.
  bool add_stored(const std::string& type, int priority, int64_t order);
  // Takes such a one out; nothing happens if there is none.
  void remove_stored(const std::string& type, int priority, int64_t order);

  // The first of those due at `now` whose type may be claimed. What was due once stays due, whatever the
  // clock does; what would have to wait for longer than any backoff is due, too: the clock was set back.
  std::optional<Next> first(int64_t now, const Takes& takes);
  // The earliest due time of those that are not due at `now` and never were.
  std::optional<int64_t> next_due(int64_t now);
  // How many there are, due or not; those that the store alone has; and all by type.
  size_t size() const { return entries_.size() + stored_; }
  size_t stored() const { return stored_; }
  std::map<std::string, size_t> types() const;
  void clear();

 private:
  using Place = std::tuple<int, int64_t, std::string>;  // −priority, order, id
  // Orders that grow; those before `first` are gone.
  struct Orders {
    std::vector<int64_t> all;
    size_t first = 0;
    size_t size() const { return all.size() - first; }
  };
  struct Lane {
    std::set<Place> ready;
    std::map<int, Orders> stored;  // by −priority; none is empty
    size_t count = 0;              // also of those that are not due yet
  };
  using Lanes = std::map<std::string, Lane>;
  struct Entry {
    Lanes::iterator lane;
    Place place;
    int64_t due_at;
  };
  void ripen(int64_t now);
  Lanes::iterator enter(const std::string& type);
  void leave(Lanes::iterator lane);

  std::unordered_map<std::string, Entry> entries_;
  Lanes lanes_;  // none without tasks
  size_t stored_ = 0;
  std::set<std::pair<int64_t, std::string>> later_;
};

}  // namespace clade::queue
