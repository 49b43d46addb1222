// What happened in a history: a hash over all of it, and the text if somebody wants to read it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sim {

class Trace {
 public:
  // `print`: each line goes to stdout, with its time.
  explicit Trace(bool print) : print_(print) {}

  // A line that is part of the history.
  void line(int64_t now_us, std::string_view text);
  // The same, of something within what the last line tells.
  void note(std::string_view text);
  // Numbers that are part of the history, too many to be read.
  void number(uint64_t value);
  uint64_t hash() const { return hash_; }

 private:
  bool print_;
  uint64_t hash_ = 0;
};

}  // namespace sim
