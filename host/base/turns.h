// Who goes next, where more wait than may run at once: each owner's own items go in the order in which they
// came, and a free place goes to the owner that holds the fewest. Among equals, to the one whose last turn
// lies longest back, so that none of them waits for ever.
//
// On one thread. Holds what waits, and knows of what runs only that it does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace clade {

struct TurnBounds {
  size_t all = 1;    // that run at once, whoever owns them
  size_t each = 1;   // of one owner
  size_t first = 0;  // above `all`, for owners that have nothing running yet
};

template <typename Item>
class Turns {
 public:
  struct Turn {
    uint64_t handle;
    Item item;
  };

  explicit Turns(TurnBounds bounds) : bounds_(bounds) {}

  // Queues an item. `handle` is the caller's, and none that waits or runs.
  void wait(const std::string& owner, uint64_t handle, Item item) {
    const auto [entry, is_new] = owners_.try_emplace(owner);
    Line& line = entry->second;
    if (is_new) line.turn = ++last_turn_;
    line.items.emplace(++last_item_, std::pair{handle, std::move(item)});
    places_.emplace(handle, Place{owner, last_item_});
  }

  // The item whose turn it is, if a place is free for one: it runs from now on.
  std::optional<Turn> next() {
    Line* chosen = nullptr;
    for (auto& [owner, line] : owners_) {
      if (line.items.empty() || !has_place(line)) continue;
      if (!chosen || std::pair(line.running, line.turn) < std::pair(chosen->running, chosen->turn))
        chosen = &line;
    }
    if (!chosen) return std::nullopt;
    auto item = chosen->items.extract(chosen->items.begin());
    auto& [handle, content] = item.mapped();
    places_.at(handle).item = 0;
    ++running_;
    ++chosen->running;
    chosen->turn = ++last_turn_;
    return Turn{handle, std::move(content)};
  }

  // It runs no more, or need not run any more if it waits. Does nothing if neither is so.
  void end(uint64_t handle) {
    const auto place = places_.extract(handle);
    if (!place) return;
    const auto owner = owners_.find(place.mapped().owner);
    Line& line = owner->second;
    if (place.mapped().item) {
      line.items.erase(place.mapped().item);
    } else {
      --line.running;
      --running_;
      line.turn = ++last_turn_;  // behind those that came while it ran
    }
    if (line.items.empty() && line.running == 0) owners_.erase(owner);
  }

  size_t running() const { return running_; }
  size_t waiting() const { return places_.size() - running_; }

 private:
  struct Line {
    std::map<uint64_t, std::pair<uint64_t, Item>> items;  // by arrival, with their handles
    size_t running = 0;
    uint64_t turn = 0;  // when one of its own last began or ended, or it came: counted, not timed
  };
  struct Place {
    std::string owner;
    uint64_t item = 0;  // its key in Line::items; 0: it runs
  };

  bool has_place(const Line& line) const {
    if (line.running >= bounds_.each) return false;
    return running_ < bounds_.all + (line.running == 0 ? bounds_.first : 0);
  }

  TurnBounds bounds_;
  std::map<std::string, Line> owners_;  // of anything that waits or runs
  std::map<uint64_t, Place> places_;    // by handle
  size_t running_ = 0;
  uint64_t last_turn_ = 0;
  uint64_t last_item_ = 0;
};

}  // namespace clade
