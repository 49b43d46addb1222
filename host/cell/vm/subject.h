// The subject of an evaluation: a second VM in the cell whose functions the judging chunk calls by name. Only
// plain data passes between the two, each has its own libraries, and nothing of the subject ever runs in the
// judge.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "base/value.h"
#include "cell/vm/state.h"

namespace clade::vm {

class Subject {
 public:
  // `module` is {source, chunk, modules}. A chunk that fails, or returns no table, makes every call return
  // false and its error. Errors: the VM could not be made, or the slice was stopped.
  static Result<std::unique_ptr<Subject>> create(Memory& memory, const Value& module);

  // The C function behind `subject.call(name, ...)`; upvalue 1 is the Subject.
  static int call(lua_State* judge);

 private:
  static int enter(lua_State* state);
  Status prepare();
  int results_to(lua_State* judge);
  int error_to(lua_State* judge, int status);

  std::unique_ptr<Vm> vm_;
  std::string broken_;            // why there is nothing to call
  lua_State* judge_ = nullptr;    // of the call under way
  const char* misuse_ = nullptr;  // why an argument of that call cannot pass
};

// Gives a judge's VM (scripts/eval.lua) its subject, which must outlive it. Errors: "memory".
Status add_subject(Vm& judge, Subject& subject);

}  // namespace clade::vm
