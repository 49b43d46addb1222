// Chance that comes from a seed alone: the same numbers in every process and on every machine.
#pragma once

#include <cstdint>
#include <iterator>
#include <string_view>

namespace sim {

// Makes one seed of two: streams that are drawn from different seeds have nothing to do with each other.
inline uint64_t mix(uint64_t left, uint64_t right) {
  uint64_t value = left ^ (right + 0x9e3779b97f4a7c15u + (left << 6) + (left >> 2));
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
  return value ^ (value >> 31);
}

inline uint64_t mix(uint64_t left, std::string_view right) {
  uint64_t value = 0xcbf29ce484222325u;
  for (const char letter : right) value = (value ^ static_cast<unsigned char>(letter)) * 0x100000001b3u;
  return mix(left, value);
}

// SplitMix64.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    state_ += 0x9e3779b97f4a7c15u;
    return mix(state_, 0);
  }
  // 0 … count - 1; 0 for no count.
  uint64_t below(uint64_t count) { return count == 0 ? 0 : next() % count; }
  // Both ends included.
  int64_t between(int64_t least, int64_t most) {
    return least + static_cast<int64_t>(below(static_cast<uint64_t>(most - least) + 1));
  }
  bool percent(uint64_t chance) { return below(100) < chance; }
  template <class Container>
  const auto& pick(const Container& container) {
    auto chosen = container.begin();
    std::advance(chosen, below(container.size()));
    return *chosen;
  }

 private:
  uint64_t state_;
};

}  // namespace sim
