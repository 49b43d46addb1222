// The primitives that reach out of a VM: frames to the host, embedded scripts, tracebacks, the depth of the C
// stack.
#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "cell/vm/bindings.h"
#include "cell/vm/bounds.h"
#include "cell/vm/compiled.h"
#include "cell/vm/convert.h"
#include "cell/vm/limits.h"
#include "cell/vm/state.h"
#include "cell/vm/trace.h"

namespace clade::vm {

namespace {

// Text that has to survive until no object with a destructor is alive and Lua may raise.
struct Text {
  void set(std::string_view text) {
    size = std::min(text.size(), sizeof bytes);
    std::memcpy(bytes, text.data(), size);
  }
  char bytes[4096];
  size_t size = 0;
};

int push_text(lua_State* state, const Text& text) {
  if (text.size == 0) {
    lua_pushnil(state);
  } else {
    lua_pushlstring(state, text.bytes, text.size);
  }
  return 1;
}

// emit(frame) → nil, or why the frame cannot be sent ("args.payload.x is a function …")
int emit(lua_State* state) {
  luaL_checktype(state, 1, LUA_TTABLE);
  reserve_stack(state);
  Text problem;
  {
    auto frame = to_value(state, 1, "");
    problem.set(frame ? Vm::of(state).send()(*frame) : frame.error().message);
  }
  return push_text(state, problem);
}

// problem(value, name) → nil, or why the value is no plain data
int problem(lua_State* state) {
  luaL_checkany(state, 1);
  size_t size = 0;
  const char* name = luaL_checklstring(state, 2, &size);
  reserve_stack(state);
  Text problem;
  {
    auto value = to_value(state, 1, std::string_view(name, size));
    if (!value) problem.set(value.error().message);
  }
  return push_text(state, problem);
}

// script(path) → the compiled function of an embedded script
int script(lua_State* state) {
  size_t size = 0;
  const char* path = luaL_checklstring(state, 1, &size);
  load_embedded(state, std::string_view(path, size));
  return 1;
}

// error_text, with the cap where a script ran out of memory.
std::string raised_text(lua_State* state, int index) {
  std::string text = error_text(state, index);
  Vm& vm = Vm::of(state);
  return vm.ran_out_of_memory(text) ? vm.out_of_memory() : text;
}

// traceback(coroutine, error value) → message with the traceback of the failed coroutine
int traceback_of(lua_State* state) {
  lua_State* coroutine = lua_tothread(state, 1);
  luaL_argcheck(state, coroutine != nullptr, 1, "coroutine expected");
  luaL_checkany(state, 2);
  Text text;
  text.set(with_traceback(coroutine, raised_text(state, 2)));
  return push_text(state, text);
}

// note_trace(error value) → the same: a message handler that keeps the traceback for last_trace
int note_trace(lua_State* state) {
  luaL_checkany(state, 1);
  lua_settop(state, 1);
  // An error that is raised again on its way out keeps the traceback of where it came from.
  std::string& trace = Vm::of(state).trace();
  const std::string text = raised_text(state, 1);
  if (!trace.starts_with(text)) trace = with_traceback(state, text, kBelowHandler);
  return 1;
}

// enter(fn, ...) → its results. Calls a script's function so that errors of its tail calls (`return
// error("x")`) have no position: whoever calls from Lua would be named, and that is scripts/. It cannot yield
// across this.
int enter(lua_State* state) {
  luaL_checktype(state, 1, LUA_TFUNCTION);
  lua_call(state, lua_gettop(state) - 1, LUA_MULTRET);
  return lua_gettop(state);
}

// last_trace() → what note_trace kept since the last call, or nil
int last_trace(lua_State* state) {
  Text text;
  text.set(Vm::of(state).trace());
  Vm::of(state).trace().clear();
  return push_text(state, text);
}

// deep() → true if C code must not call Lua once more
int deep(lua_State* state) {
  lua_pushboolean(state, stack_is_deep());
  return 1;
}

constexpr luaL_Reg kFunctions[] = {
    {"emit", guarded<emit>},
    {"problem", guarded<problem>},
    {"script", guarded<script>},
    {"traceback", guarded<traceback_of>},
    {"note_trace", guarded<note_trace>},
    {"enter", guarded<enter>},
    {"last_trace", guarded<last_trace>},
    {"deep", guarded<deep>},
    {nullptr, nullptr},
};

}  // namespace

// Adds `bounds`: what scripts/ enforce of bounds.h.
void open_host(lua_State* state) {
  luaL_register(state, nullptr, kFunctions);
  constexpr std::pair<const char*, size_t> bounds[] = {
      {"output_bytes", kOutputBytes},
      {"log_bytes", kLogBytes},
      {"log_line_bytes", kLogLineBytes},
      {"coroutines", kCoroutines},
      {"nested_coroutines", kNestedCoroutines},
      {"load_bytes", kLoadBytes},
      {"deep_stack_bytes", kDeepStackBytes},
      {"waiting_strands", kWaitingStrands},
      {"strands", kStrands},
      {"name_bytes", kNameBytes},
      {"task_patterns", kTaskPatterns},
  };
  lua_newtable(state);
  for (const auto& [name, value] : bounds) {
    lua_pushnumber(state, static_cast<double>(value));
    lua_setfield(state, -2, name);
  }
  lua_setfield(state, -2, "bounds");
}

}  // namespace clade::vm
