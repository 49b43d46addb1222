// Unix signals as callbacks.
#pragma once

#include <functional>

#include "loop/loop.h"

namespace clade::loop {

class Signal {
 public:
  // Calls `function` each time the process gets `number`, until destroyed.
  Signal(Loop& loop, int number, std::function<void()> function);
  ~Signal();
  Signal(Signal&&) noexcept;
  Signal& operator=(Signal&&) noexcept;

 private:
  struct State;
  State* state_;
};

}  // namespace clade::loop
