#include "cell/vm/limits.h"

#include <atomic>
#include <cstdint>

#include <signal.h>

#include "cell/vm/bounds.h"
#include "cell/vm/cell_main.h"
#include "cell/vm/lua_api.h"
#include "cell/vm/memory.h"
#include "cell/vm/state.h"
#include "cell/vm/trace.h"

namespace clade::vm {
namespace {

// A signal handler is given nothing but the signal's number, so what it needs is process-wide: which VM
// executes and whether its slice is being stopped. Everything else has an owner.
std::atomic<lua_State*> executing{nullptr};
std::atomic<Stop> stop{Stop::none};
std::atomic<bool> in_slice{false};
// A hook is being taken off: a signal must not put one on meanwhile, LuaJIT's tables would be half of each.
// Who takes it off looks for the signal afterwards.
std::atomic<bool> disarming{false};
static_assert(std::atomic<lua_State*>::is_always_lock_free && std::atomic<Stop>::is_always_lock_free);

std::string& first_message() {
  static std::string message;
  return message;
}

uintptr_t slice_stack = 0;

// Instructions that the machinery of scripts/ was let go on while stopping.
int tolerated = 0;
constexpr int kTolerated = 100000;

uintptr_t stack_position() {
  return reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
}

[[noreturn]] void raise_first_message(lua_State* state) {
  lua_pushlstring(state, first_message().data(), first_message().size());
  lua_error(state);
  __builtin_unreachable();
}

const char* describe(Stop reason) {
  return reason == Stop::cpu ? "stopped: soft deadline (processor time)"
                             : "stopped: soft deadline (wall time)";
}

void on_hook(lua_State* state, lua_Debug*);

void disarm(lua_State* state) {
  disarming.store(true);
  lua_sethook(state, nullptr, 0, 0);
  disarming.store(false);
}

void on_hook(lua_State* state, lua_Debug*) {
  if (stop.load() == Stop::none) {
    disarm(state);
    Memory& memory = Vm::of(state).memory();
    if (memory.wants_collection()) {
      lua_gc(state, LUA_GCCOLLECT, 0);
      memory.plan_collection();
    }
    // The signal may have come after the check above and been disarmed with the rest.
    if (stop.load() == Stop::none) return;
    lua_sethook(state, on_hook, LUA_MASKCOUNT, 1);
  }
  if (first_message().empty()) first_message() = with_position(state, describe(stop.load()));
  // Where no script is on the stack the machinery of scripts/ is about to enter one, or to leave: it may go
  // on, but not for ever.
  if (first_message().empty() && ++tolerated < kTolerated) return;
  if (first_message().empty()) first_message() = describe(stop.load());
  raise_first_message(state);
}

void on_signal(int number) {
  if (!in_slice.load()) return;
  if (stop.load() == Stop::none) stop.store(number == SIGPROF ? Stop::cpu : Stop::wall);
  request_hook();
}

}  // namespace

Slice::Slice() {
  first_message().clear();
  tolerated = 0;
  stop.store(Stop::none);
  slice_stack = stack_position();
  in_slice.store(true);
}

Slice::~Slice() {
  in_slice.store(false);
  stop.store(Stop::none);
}

Executing::Executing(lua_State* state) : state_(state), before_(executing.exchange(state)) {
  // The signal may have come between two calls.
  if (stop.load() != Stop::none) lua_sethook(state, on_hook, LUA_MASKCOUNT, 1);
}

Executing::~Executing() {
  executing.store(before_);
  if (lua_gethook(state_)) disarm(state_);
}

Stop stopping() {
  return stop.load();
}

const std::string& stop_message() {
  return first_message();
}

void raise_stop(lua_State* state) {
  if (first_message().empty()) first_message() = with_position(state, describe(stop.load()));
  if (first_message().empty()) first_message() = describe(stop.load());
  raise_first_message(state);
}

void request_hook() {
  if (disarming.load()) return;
  if (lua_State* state = executing.load()) lua_sethook(state, on_hook, LUA_MASKCOUNT, 1);
}

void raise_if_stopping(lua_State* state) {
  if (stop.load() == Stop::none) return;
  lua_sethook(state, on_hook, LUA_MASKCOUNT, 1);
  if (!first_message().empty()) raise_first_message(state);
}

bool stack_is_deep() {
  const uintptr_t here = stack_position();
  return slice_stack > here && slice_stack - here > kDeepStackBytes;
}

void install_interrupt_handlers() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGUSR1, &action, nullptr);
  sigaction(SIGPROF, &action, nullptr);
}

}  // namespace clade::vm
