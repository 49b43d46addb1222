#include "cell/vm/subject.h"

#include "cell/vm/bindings.h"
#include "cell/vm/convert.h"
#include "cell/vm/limits.h"

namespace clade::vm {

Result<std::unique_ptr<Subject>> Subject::create(Memory& memory, const Value& module) {
  auto vm = Vm::create(memory, memory.limit(), "scripts/eval.lua",
                       [](const Value&) { return std::string("a subject cannot send frames"); });
  if (!vm) return failure(vm.error());
  auto subject = std::make_unique<Subject>();
  subject->vm_ = std::move(*vm);
  auto problem = subject->vm_->call("load_subject", {module["source"], module["chunk"], module["modules"]});
  if (!problem && stopping() != Stop::none) return failure(problem.error());
  if (!problem) {
    subject->broken_ = problem.error().message;
  } else if (!problem->empty()) {
    subject->broken_ = problem->front().as_string();
  } else if (auto status = subject->prepare(); !status) {
    return failure(status.error());
  }
  return subject;
}

// Leaves the entry at the bottom of the stack: a call then allocates nothing outside a protected call.
Status Subject::prepare() {
  auto status = vm_->protect([this](lua_State* state) {
    lua_pushlightuserdata(state, this);
    Vm::push_main(state);
    lua_getfield(state, -1, "module");
    lua_remove(state, -2);
    lua_pushcclosure(state, enter, 2);
    lua_setfield(state, LUA_REGISTRYINDEX, "clade.subject");
    lua_settop(state, 0);
  });
  if (!status) return status;
  // The string of the key exists, so this read allocates nothing.
  lua_getfield(vm_->state(), LUA_REGISTRYINDEX, "clade.subject");
  return {};
}

// Runs in the subject's VM under lua_pcall: finds the function, brings the arguments over, calls it. Reads
// the judge's stack but never raises there.
int Subject::enter(lua_State* state) {
  auto* subject = static_cast<Subject*>(lua_touserdata(state, lua_upvalueindex(1)));
  lua_State* judge = subject->judge_;
  luaL_checkstack(state, lua_gettop(judge) + 8, "arguments");
  size_t size = 0;
  const char* name = lua_tolstring(judge, 1, &size);
  lua_pushlstring(state, name, size);
  lua_gettable(state, lua_upvalueindex(2));
  if (!lua_isfunction(state, -1)) {
    lua_pushlstring(state, name, size);
    return luaL_error(state, "the subject has no function `%s`", lua_tostring(state, -1));
  }
  const int arguments = lua_gettop(judge) - 1;
  for (int argument = 1; argument <= arguments; ++argument) {
    subject->misuse_ = copy_plain(judge, argument + 1, state);
    if (subject->misuse_) return luaL_error(state, "argument");
  }
  lua_call(state, arguments, LUA_MULTRET);
  reserve_stack(state);
  return lua_gettop(state);
}

int Subject::call(lua_State* judge) {
  luaL_argcheck(judge, lua_type(judge, 1) == LUA_TSTRING, 1, "the name of a function expected");
  auto* subject = static_cast<Subject*>(lua_touserdata(judge, lua_upvalueindex(1)));
  if (!subject->broken_.empty()) {
    lua_pushboolean(judge, 0);
    lua_pushlstring(judge, subject->broken_.data(), subject->broken_.size());
    return 2;
  }
  reserve_stack(judge);
  lua_State* state = subject->vm_->state();
  // A former call whose results could not be taken over has left them.
  lua_settop(state, 1);
  lua_pushvalue(state, 1);
  subject->judge_ = judge;
  subject->misuse_ = nullptr;
  int status = 0;
  {
    const Executing executing(state);
    status = lua_pcall(state, 0, LUA_MULTRET, 0);
  }
  raise_if_stopping(judge);
  if (subject->misuse_)
    return luaL_error(judge, "subject.call: an argument cannot pass: %s", subject->misuse_);
  return status == 0 ? subject->results_to(judge) : subject->error_to(judge, status);
}

int Subject::results_to(lua_State* judge) {
  lua_State* state = vm_->state();
  const int results = lua_gettop(state) - 1;
  lua_settop(judge, 0);
  luaL_checkstack(judge, results + 2, "results");
  lua_pushboolean(judge, 1);
  for (int result = 1; result <= results; ++result) {
    if (const char* problem = copy_plain(state, result + 1, judge)) {
      lua_settop(judge, 0);
      lua_pushboolean(judge, 0);
      lua_pushfstring(judge, "result %d of the subject cannot pass: %s", result, problem);
      return 2;
    }
  }
  return results + 1;
}

int Subject::error_to(lua_State* judge, int status) {
  lua_State* state = vm_->state();
  lua_pushboolean(judge, 0);
  if (lua_type(state, -1) == LUA_TSTRING) {
    size_t size = 0;
    const char* text = lua_tolstring(state, -1, &size);
    lua_pushlstring(judge, text, size);
  } else {
    lua_pushfstring(judge, "(error value: a %s)", luaL_typename(state, -1));
  }
  lua_settop(state, 1);
  if (status == LUA_ERRMEM) lua_gc(state, LUA_GCCOLLECT, 0);
  return 2;
}

Status add_subject(Vm& judge, Subject& subject) {
  const Executing executing(judge.state());
  return judge.protect([&subject](lua_State* state) {
    Vm::push_main(state);
    lua_getfield(state, -1, "add_subject");
    lua_pushlightuserdata(state, &subject);
    lua_pushcclosure(state, guarded<Subject::call>, 1);
    lua_call(state, 1, 0);
  });
}

}  // namespace clade::vm
