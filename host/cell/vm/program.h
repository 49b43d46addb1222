// An agent's program in a VM of its own: scripts/boot.lua runs its handlers, this passes frames to it.
#pragma once

#include <cstdint>
#include <memory>

#include "base/result.h"
#include "base/value.h"
#include "cell/vm/state.h"

namespace clade::vm {

class Program {
 public:
  // Loads what a "load" frame holds; `info` of the answer goes to `info`. Errors: those of Vm::call,
  // "syntax".
  static Result<Program> load(Memory& memory, const Value& frame, Vm::Send send, Value& info);

  // A "run" or "answer" frame. Calls, logs, the end of the run are sent; a run that was stopped is reported
  // as failed.
  void start(const Value& frame);
  void answer(const Value& frame);
  void cancel(int64_t run);
  // The frame "result" for a "selftest", and for "examine".
  Value selftest();
  Value examine(const Value& frame);
  // Whether its memory is to be told without garbage.
  bool is_measured() const { return measured_; }
  void collect();
  // Bytes that its VM holds.
  size_t memory() const { return vm_->memory().used(); }

 private:
  Program(std::unique_ptr<Vm> vm, bool measured) : vm_(std::move(vm)), measured_(measured) {}
  void drive(const char* function, const Value& frame);
  Value result_of(const char* function, const Value::Array& arguments);

  std::unique_ptr<Vm> vm_;
  bool measured_;
};

}  // namespace clade::vm
