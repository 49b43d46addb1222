// Tells of changes in folders (inotify), gathered: one call after things were quiet for a moment.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "loop/loop.h"

namespace clade::loop {

class Watch {
 public:
  // Watches the folders themselves, not those below; one that is removed and made again is no longer watched.
  // `function` runs once `quiet_ms` passed without another change. Errors: "io" (e.g. no inotify watches
  // left: says which limit).
  static Result<Watch> folders(Loop& loop, const std::vector<std::string>& paths, int64_t quiet_ms,
                               std::function<void()> function);
  ~Watch();
  Watch(Watch&&) noexcept;
  Watch& operator=(Watch&&) noexcept;

 private:
  struct State;
  explicit Watch(State* state);
  State* state_;
};

}  // namespace clade::loop
