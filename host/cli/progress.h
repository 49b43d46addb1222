// How far a long command is: one line on stderr that is written over, and gone at the end. Nothing unless
// stderr is a terminal.
#pragma once

#include <cstdint>
#include <string>

namespace clade::cli {

class Progress {
 public:
  // `wanted`: false shows nothing at all.
  explicit Progress(bool wanted);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Shows the text in place of the last one, unless that is very young.
  void show(const std::string& text);

 private:
  bool shown_;  // at all
  bool any_ = false;
  int64_t next_at_us_ = 0;
};

}  // namespace clade::cli
