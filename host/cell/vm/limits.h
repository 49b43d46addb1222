// The soft deadline: a signal arms a count hook on the VM that runs, and the hook stops the script.
//
//   idle ──Slice──▶ running ──SIGUSR1 / SIGPROF──▶ stopping ──Slice ends──▶ idle
//
// While stopping, the hook stays armed at every instruction: a script that catches the error is stopped again
// at its next step, so `while true do pcall(f) end` ends too. Hooks belong to a VM as a whole, coroutines
// included. Compiled loops see the hook only in a LuaJIT built with LUAJIT_ENABLE_CHECKHOOK; otherwise the
// host's SIGKILL is what is left. A signal that comes while nothing runs is dropped. One thread of the
// process runs VMs.
#pragma once

#include <cstddef>
#include <string>

struct lua_State;

namespace clade::vm {

enum class Stop { none, wall, cpu };

// One piece of work for the host: from a frame to its last answer. Signals count only while one of these
// lives.
class Slice {
 public:
  Slice();
  ~Slice();
  Slice(const Slice&) = delete;
  Slice& operator=(const Slice&) = delete;
};

// Marks the VM that executes now; restores the one before. Needed around every call into a VM.
class Executing {
 public:
  explicit Executing(lua_State* state);
  ~Executing();
  Executing(const Executing&) = delete;
  Executing& operator=(const Executing&) = delete;

 private:
  lua_State* state_;
  lua_State* before_;
};

// Why the running slice is being stopped, and the message with traceback that its hook raised first ("" if
// none yet).
Stop stopping();
const std::string& stop_message();

// Raises the stop of the running slice in `state`, naming the line of the script that is executed.
// Precondition: stopping() is not none.
[[noreturn]] void raise_stop(lua_State* state);

// Arms the hook on the VM that executes, if one does: for the deadline and for collections of garbage.
void request_hook();

// Raises the stop in `state` again if the slice is being stopped: after a call into another VM came back.
void raise_if_stopping(lua_State* state);

// True if so much of the C stack is in use that C code must not call Lua once more (recursive string.gsub and
// the like would overflow it). Measured from where the slice began.
bool stack_is_deep();

}  // namespace clade::vm
