#include "cell/vm/state.h"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>

#include "cell/vm/bindings.h"
#include "cell/vm/compiled.h"
#include "cell/vm/convert.h"
#include "cell/vm/limits.h"
#include "cell/vm/lua_api.h"
#include "cell/vm/trace.h"

namespace clade::vm {
namespace {

constexpr const char* kMain = "clade.main";
// What a state without libraries takes, with a margin.
constexpr size_t kBareState = 16u << 10;

// Every allocation is made inside a protected call, so this is a bug of the host; the process cannot go on.
int on_panic(lua_State* state) {
  std::fprintf(stderr, "clade cell: unprotected error in a VM: %s\n", error_text(state, -1).c_str());
  std::abort();
}

int protected_body(lua_State* state) {
  const auto* body = static_cast<const std::function<void(lua_State*)>*>(lua_touserdata(state, 1));
  lua_settop(state, 0);
  char message[512];
  try {
    (*body)(state);
    return 0;
  } catch (const std::bad_alloc&) {
    std::snprintf(message, sizeof message, "%s", out_of_memory_in(state));
  } catch (const std::exception& exception) {
    std::snprintf(message, sizeof message, "%s", exception.what());
  }
  lua_pushstring(state, message);
  return lua_error(state);
}

// Libraries as LuaJIT has them; prelude.lua builds what scripts get of them. `jit` switches the compiler on.
void open_libraries(lua_State* state) {
  constexpr luaL_Reg libraries[] = {
      {"", luaopen_base},
      {LUA_TABLIBNAME, luaopen_table},
      {LUA_STRLIBNAME, luaopen_string},
      {LUA_MATHLIBNAME, luaopen_math},
      {LUA_BITLIBNAME, luaopen_bit},
      {LUA_DBLIBNAME, luaopen_debug},
      {LUA_JITLIBNAME, luaopen_jit},
  };
  for (const auto& library : libraries) {
    lua_pushcfunction(state, library.func);
    lua_pushstring(state, library.name);
    lua_call(state, 1, 0);
  }
}

}  // namespace

Vm::Vm(Memory& cell_memory, size_t memory_bytes, Send send)
    : memory_(memory_bytes, &cell_memory), send_(std::move(send)) {
  if (memory_.room() < kBareState) return;
  // LuaJIT crashes when the state itself cannot be allocated in full, so that is decided beforehand.
  const Memory::Lifted lifted(memory_);
  state_ = lua_newstate(allocate, this);
  if (state_) lua_atpanic(state_, on_panic);
}

Vm::~Vm() {
  if (state_) lua_close(state_);
}

void* Vm::allocate(void* vm, void* block, size_t old_size, size_t new_size) {
  return static_cast<Vm*>(vm)->memory_.reallocate(block, old_size, new_size);
}

Vm& Vm::of(lua_State* state) {
  void* vm = nullptr;
  lua_getallocf(state, &vm);
  return *static_cast<Vm*>(vm);
}

Result<std::unique_ptr<Vm>> Vm::create(Memory& cell_memory, size_t memory_bytes, std::string_view main,
                                       Send send) {
  std::unique_ptr<Vm> vm(new Vm(cell_memory, memory_bytes, std::move(send)));
  const auto no_memory = [&] {
    return failure("memory", "no memory for another VM: the cell's cap is " +
                                 std::to_string(cell_memory.limit() >> 20) + " MB");
  };
  if (!vm->state_) return no_memory();
  const Executing executing(vm->state_);
  const Status status = vm->protect([&](lua_State* state) {
    open_libraries(state);
    lua_newtable(state);
    open_host(state);
    open_hash(state);
    open_pairs(state);
    open_pattern(state);
    load_embedded(state, main);
    lua_pushvalue(state, 1);
    load_embedded(state, "scripts/prelude.lua");
    lua_pushvalue(state, 1);
    lua_call(state, 1, 1);
    lua_call(state, 2, 1);
    lua_setfield(state, LUA_REGISTRYINDEX, kMain);
  });
  if (!status && status.error().code == "memory") return no_memory();
  if (!status) return failure(status.error());
  return vm;
}

void Vm::push_main(lua_State* state) {
  lua_getfield(state, LUA_REGISTRYINDEX, kMain);
}

Status Vm::protect(const std::function<void(lua_State*)>& body) {
  const int status = lua_cpcall(state_, protected_body, const_cast<void*>(static_cast<const void*>(&body)));
  if (status == 0) return {};
  Error error = failure_of(status, -1);
  lua_pop(state_, 1);
  return failure(std::move(error));
}

std::string Vm::out_of_memory() const {
  return std::string(kOutOfMemory) + ": the cap is " + std::to_string(memory_.limit() >> 20) +
         " MB; keep less at a time";
}

bool Vm::ran_out_of_memory(const std::string& text) const {
  // `assert` puts the line before the text, a traceback comes behind it.
  return memory_.has_refused() &&
         (text.starts_with(kOutOfMemory) || text.substr(0, text.find('\n')).ends_with(kOutOfMemory));
}

const char* out_of_memory_in(lua_State* state) {
  Vm::of(state).memory().note_refusal();
  return kOutOfMemory;
}

Error Vm::failure_of(int status, int index) {
  if (stopping() != Stop::none) {
    const std::string& message = stop_message();
    return {stopping() == Stop::cpu ? "cpu" : "wall", message.empty() ? "stopped: soft deadline" : message};
  }
  std::string text = error_text(state_, index);
  // A coroutine's error of this kind comes as an ordinary one with this text.
  if (status == LUA_ERRMEM || ran_out_of_memory(text)) {
    lua_gc(state_, LUA_GCCOLLECT, 0);
    memory_.plan_collection();
    return {"memory", out_of_memory()};
  }
  return {"error", std::move(text)};
}

Result<Value::Array> Vm::call(const char* function, const Value::Array& arguments) {
  const Executing executing(state_);
  trace_.clear();  // of a run that was stopped: nobody has asked for it
  memory_.forget_refusals();
  Value::Array results;
  Error failed;
  const Status status = protect([&](lua_State* state) {
    reserve_stack(state);
    lua_pushcfunction(state, trace_handler);
    push_main(state);
    lua_getfield(state, 2, function);
    lua_remove(state, 2);
    for (const Value& argument : arguments) push_value(state, argument);
    const int outcome = lua_pcall(state, static_cast<int>(arguments.size()), LUA_MULTRET, 1);
    if (outcome != 0) {
      failed = failure_of(outcome, -1);
      return;
    }
    const int last = lua_gettop(state);
    reserve_stack(state);
    Crossing crossing;
    for (int index = 2; index <= last; ++index) {
      const std::string which = last > 2 ? "value " + std::to_string(index - 1) : "the value";
      auto value = to_value(state, index, which, crossing);
      if (!value) {
        failed = value.error();
        return;
      }
      results.push_back(std::move(*value));
    }
  });
  if (!status) return failure(status.error());
  if (!failed.code.empty()) return failure(std::move(failed));
  return results;
}

}  // namespace clade::vm
