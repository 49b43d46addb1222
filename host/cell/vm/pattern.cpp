#include "cell/vm/pattern.h"

#include <cctype>
#include <cstring>

#include "cell/vm/bounds.h"
#include "cell/vm/limits.h"

namespace clade::vm {
namespace {

// Quantifiers and captures within each other: each takes C stack. LuaJIT's own limit.
constexpr int kDepth = 200;
// Between two looks at the deadline; a power of two.
constexpr uint64_t kPatience = 1u << 14;

[[noreturn]] void malformed(const char* text) {
  throw PatternFault{PatternFault::Kind::malformed, text};
}

unsigned char byte(char letter) {
  return static_cast<unsigned char>(letter);
}

// Is a letter of the class of the small `name`?
bool in_small_class(unsigned char letter, int name) {
  switch (name) {
    case 'a':
      return std::isalpha(letter) != 0;
    case 'c':
      return std::iscntrl(letter) != 0;
    case 'd':
      return std::isdigit(letter) != 0;
    case 'g':
      return std::isgraph(letter) != 0;
    case 'l':
      return std::islower(letter) != 0;
    case 'p':
      return std::ispunct(letter) != 0;
    case 's':
      return std::isspace(letter) != 0;
    case 'u':
      return std::isupper(letter) != 0;
    case 'w':
      return std::isalnum(letter) != 0;
    case 'x':
      return std::isxdigit(letter) != 0;
    default:
      return letter == 0;  // 'z'
  }
}

// Is a letter what `name` stands for after "%"? Capital names mean all letters that the small one does not.
bool in_class(unsigned char letter, char name) {
  constexpr std::string_view kClasses = "acdglpsuwxz";
  const int small = std::tolower(byte(name));
  if (kClasses.find(static_cast<char>(small)) == std::string_view::npos) return byte(name) == letter;
  return in_small_class(letter, small) != (std::isupper(byte(name)) != 0);
}

}  // namespace

bool is_plain(std::string_view pattern) {
  return pattern.find_first_of("^$*+?.([%-") == std::string_view::npos;
}

void Matcher::step() {
  if ((++steps_ & (kPatience - 1)) != 0) return;
  if (stopping() != Stop::none) throw PatternFault{PatternFault::Kind::stopped};
  if (steps_ > kPatternSteps) throw PatternFault{PatternFault::Kind::too_long};
}

const char* Matcher::match(const char* at) {
  level_ = 0;
  depth_ = 0;
  return follow(at, pattern_);
}

const char* Matcher::search(const char* at, const char*& stop) {
  for (; at <= end_; ++at) {
    step();
    stop = match(at);
    if (stop) return at;
  }
  return nullptr;
}

Matcher::Capture Matcher::capture(int index) const {
  const Capture& found = captures_[static_cast<size_t>(index)];
  if (found.size == kOpen) malformed("unfinished capture");
  return found;
}

// Follows the pattern from `item` on. What comes after a plain item is not a call but the next round.
const char* Matcher::follow(const char* at, const char* item) {
  if (++depth_ > kDepth)
    malformed("pattern too complex: more than 200 quantifiers and captures within each other");
  while (at && item != pattern_end_) {
    step();
    if (*item == '(') {
      const bool position = item + 1 != pattern_end_ && item[1] == ')';
      at = position ? open_capture(at, item + 2, kPosition) : open_capture(at, item + 1, kOpen);
      break;
    }
    if (*item == ')') {
      at = close_capture(at, item + 1);
      break;
    }
    if (*item == '$' && item + 1 == pattern_end_) {
      at = at == end_ ? at : nullptr;
      break;
    }
    if (*item == '%' && item + 1 != pattern_end_) {
      if (item[1] == 'b') {
        at = balance(at, item + 2);
        item += 4;
        continue;
      }
      if (item[1] == 'f') {
        item += 2;
        if (item == pattern_end_ || *item != '[') malformed("missing '[' after '%f' in pattern");
        const char* after = end_of_item(item);
        if (!frontier(at, item, after)) at = nullptr;
        item = after;
        continue;
      }
      if (std::isdigit(byte(item[1])) != 0) {
        at = same_again(at, item[1]);
        item += 2;
        continue;
      }
    }
    const char* after = end_of_item(item);
    const char quantifier = after != pattern_end_ ? *after : '\0';
    if (quantifier == '*' || quantifier == '+') {
      const bool once = quantifier == '*' || (at < end_ && fits(at, item, after));
      at = once ? repeat_most(quantifier == '+' ? at + 1 : at, item, after) : nullptr;
      break;
    }
    if (quantifier == '-') {
      at = repeat_least(at, item, after);
      break;
    }
    const bool here = at < end_ && fits(at, item, after);
    if (quantifier == '?') {
      if (here) {
        if (const char* stop = follow(at + 1, after + 1)) {
          at = stop;
          break;
        }
      }
      item = after + 1;
      continue;
    }
    at = here ? at + 1 : nullptr;
    item = after;
  }
  --depth_;
  return at;
}

const char* Matcher::open_capture(const char* at, const char* item, ptrdiff_t size) {
  if (level_ >= kCaptures) malformed("too many captures");
  captures_[static_cast<size_t>(level_++)] = {at, size};
  const char* stop = follow(at, item);
  if (!stop) --level_;
  return stop;
}

const char* Matcher::close_capture(const char* at, const char* item) {
  int open = level_ - 1;
  while (open >= 0 && captures_[static_cast<size_t>(open)].size != kOpen) --open;
  if (open < 0) malformed("invalid pattern capture");
  Capture& capture = captures_[static_cast<size_t>(open)];
  capture.size = at - capture.start;
  const char* stop = follow(at, item);
  if (!stop) capture.size = kOpen;
  return stop;
}

const char* Matcher::repeat_most(const char* at, const char* item, const char* after) {
  const char* last = at;
  while (last < end_ && fits(last, item, after)) ++last;
  for (; last >= at; --last) {
    if (const char* stop = follow(last, after + 1)) return stop;
  }
  return nullptr;
}

const char* Matcher::repeat_least(const char* at, const char* item, const char* after) {
  for (;; ++at) {
    if (const char* stop = follow(at, after + 1)) return stop;
    if (at >= end_ || !fits(at, item, after)) return nullptr;
  }
}

// "%bxy": from an x to the y that closes it.
const char* Matcher::balance(const char* at, const char* item) {
  if (pattern_end_ - item < 2) malformed("unbalanced pattern");
  if (at >= end_ || *at != item[0]) return nullptr;
  size_t open = 1;
  while (++at < end_) {
    step();
    if (*at == item[1]) {
      if (--open == 0) return at + 1;
    } else if (*at == item[0]) {
      ++open;
    }
  }
  return nullptr;
}

// "%f[set]": between a letter outside the set and one in it; both ends of the subject count as "\0".
bool Matcher::frontier(const char* at, const char* item, const char* after) {
  const unsigned char before = at == begin_ ? 0 : byte(at[-1]);
  const unsigned char here = at < end_ ? byte(*at) : 0;
  return !in_set(before, item, after - 1) && in_set(here, item, after - 1);
}

// "%1": what a capture held, once more.
const char* Matcher::same_again(const char* at, char digit) {
  const int index = digit - '1';
  if (index < 0 || index >= level_ || captures_[static_cast<size_t>(index)].size == kOpen) {
    malformed("invalid capture index");
  }
  const Capture& capture = captures_[static_cast<size_t>(index)];
  const ptrdiff_t size = capture.size;
  if (size == kPosition || end_ - at < size) return nullptr;
  // The comparison is as long as the capture.
  for (ptrdiff_t done = 0; done < size; done += 64) step();
  return std::memcmp(capture.start, at, static_cast<size_t>(size)) == 0 ? at + size : nullptr;
}

// Behind a single letter, "%x" or a set.
const char* Matcher::end_of_item(const char* item) {
  const char first = *item++;
  if (first == '%') {
    if (item == pattern_end_) malformed("malformed pattern (ends with '%')");
    return item + 1;
  }
  if (first != '[') return item;
  if (item != pattern_end_ && *item == '^') ++item;
  // A "]" at the start is a letter like any other.
  do {
    if (item == pattern_end_) malformed("malformed pattern (missing ']')");
    step();
    if (*item++ == '%' && item != pattern_end_) ++item;
  } while (item == pattern_end_ || *item != ']');
  return item + 1;
}

bool Matcher::fits(const char* at, const char* item, const char* after) {
  step();
  switch (*item) {
    case '.':
      return true;
    case '%':
      return in_class(byte(*at), item[1]);
    case '[':
      return in_set(byte(*at), item, after - 1);
    default:
      return *item == *at;
  }
}

// `set` is at its "[", `last` at its "]".
bool Matcher::in_set(unsigned char letter, const char* set, const char* last) {
  bool in = true;
  if (set[1] == '^') {
    in = false;
    ++set;
  }
  while (++set < last) {
    step();
    if (*set == '%') {
      ++set;
      if (in_class(letter, *set)) return in;
    } else if (set + 2 < last && set[1] == '-') {
      if (byte(set[0]) <= letter && letter <= byte(set[2])) return in;
      set += 2;
    } else if (byte(*set) == letter) {
      return in;
    }
  }
  return !in;
}

}  // namespace clade::vm
