// The interactive session's VM: it lives from line to line.
#pragma once

#include <memory>

#include "base/result.h"
#include "base/value.h"
#include "cell/vm/state.h"

namespace clade::vm {

class Repl {
 public:
  // Errors: those of Vm::create.
  static Result<Repl> create(Memory& memory);
  // The frame "result" for a "repl" frame. `value` is what was printed, then the values; also with an error.
  Value run(const Value& frame);

 private:
  explicit Repl(std::unique_ptr<Vm> vm) : vm_(std::move(vm)) {}
  std::unique_ptr<Vm> vm_;
};

}  // namespace clade::vm
