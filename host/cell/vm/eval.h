// The evaluation of one chunk in a fresh VM, with a second VM for a subject that the chunk may call and
// judge.
#pragma once

#include <memory>

#include "base/value.h"
#include "cell/vm/state.h"

namespace clade::vm {

class Subject;

// A VM that has run nothing of a user. Errors: those of Vm::create.
Result<std::unique_ptr<Vm>> evaluation_vm(Memory& memory);

// One evaluation. Its VMs live until it goes: in a cell that is killed after its answer nobody takes them
// apart.
class Evaluation {
 public:
  // `vm` is an unused evaluation_vm of this memory, or none: then one is made.
  explicit Evaluation(Memory& memory, std::unique_ptr<Vm> vm = nullptr);
  ~Evaluation();
  Evaluation(const Evaluation&) = delete;
  Evaluation& operator=(const Evaluation&) = delete;

  // Once: the frame "result" for an "eval" frame; `output` in it is what the chunk printed (at most
  // kOutputBytes). Codes of failures: "syntax", "error", "wall", "cpu", "memory".
  Value run(const Value& frame);

 private:
  // Makes what is missing and gives the judge its subject.
  Status prepare(const Value& frame);

  Memory& memory_;
  std::unique_ptr<Subject> subject_;
  std::unique_ptr<Vm> vm_;  // the judge's; it goes before its subject
};

}  // namespace clade::vm
