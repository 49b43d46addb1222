// Matching of Lua 5.1's patterns with a bound on the work: LuaJIT's own functions follow every way through a
// pattern, for hours if it takes that, and no hook runs meanwhile.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace clade::vm {

// Why matching ended without a result. Nothing is allocated: it is raised as a Lua error later.
struct PatternFault {
  enum class Kind { malformed, too_long, stopped } kind;
  const char* text = "";  // of "malformed"
};

// One pattern on one subject, both borrowed. Trivially destructible: a Lua error may pass it.
class Matcher {
 public:
  static constexpr int kCaptures = 32;
  static constexpr ptrdiff_t kPosition = -1;

  struct Capture {
    const char* start;
    ptrdiff_t size;  // kPosition: the capture is the place itself
  };

  // `pattern` is without the anchor "^" at its start.
  Matcher(std::string_view subject, std::string_view pattern)
      : begin_(subject.data()),
        end_(subject.data() + subject.size()),
        pattern_(pattern.data()),
        pattern_end_(pattern.data() + pattern.size()) {}

  // The end of the match that begins at `at`, or nullptr. Its captures are below until the next call. Throws
  // PatternFault.
  const char* match(const char* at);
  // Where a match begins at `at` or later, and its end in `stop`; nullptr if nowhere. Throws PatternFault.
  const char* search(const char* at, const char*& stop);

  int captures() const { return level_; }
  // Throws PatternFault for a capture that the pattern left open.
  Capture capture(int index) const;

  const char* begin() const { return begin_; }
  const char* end() const { return end_; }

 private:
  static constexpr ptrdiff_t kOpen = -2;

  void step();
  const char* follow(const char* at, const char* item);
  const char* open_capture(const char* at, const char* item, ptrdiff_t size);
  const char* close_capture(const char* at, const char* item);
  const char* repeat_most(const char* at, const char* item, const char* after);
  const char* repeat_least(const char* at, const char* item, const char* after);
  const char* balance(const char* at, const char* item);
  bool frontier(const char* at, const char* item, const char* after);
  const char* same_again(const char* at, char digit);
  const char* end_of_item(const char* item);
  bool fits(const char* at, const char* item, const char* after);
  bool in_set(unsigned char letter, const char* set, const char* last);

  const char* begin_;
  const char* end_;
  const char* pattern_;
  const char* pattern_end_;
  std::array<Capture, kCaptures> captures_{};
  int level_ = 0;
  int depth_ = 0;
  uint64_t steps_ = 0;
};

// True if the pattern has no special letter: it is found as it stands.
bool is_plain(std::string_view pattern);

}  // namespace clade::vm
