// A VM: one Lua state with safe libraries, a memory cap and protected calls. What scripts see is built by
// scripts/prelude.lua; nothing they can reach leads to files, processes, native code or addresses.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/value.h"
#include "cell/vm/memory.h"

struct lua_State;

namespace clade::vm {

// LuaJIT's message, the only sign of it where a coroutine failed.
inline constexpr const char* kOutOfMemory = "not enough memory";

class Vm {
 public:
  // Takes one frame for the host; the text says why it cannot be sent ("" if it is).
  using Send = std::function<std::string(const Value& frame)>;

  // Runs `main`, an embedded script ("scripts/boot.lua"), with the table of host primitives and prelude.lua's
  // function; what it returns is the table whose functions `call` calls. Errors: "memory", or a fault of the
  // embedded script.
  static Result<std::unique_ptr<Vm>> create(Memory& cell_memory, size_t memory_bytes, std::string_view main,
                                            Send send);
  ~Vm();
  Vm(const Vm&) = delete;
  Vm& operator=(const Vm&) = delete;

  // Calls a function of the main script's table. Arguments and results are plain data; results are returned
  // in order. Errors: "wall" or "cpu" (the slice was stopped), "memory", "error"; messages carry the
  // traceback.
  Result<Value::Array> call(const char* function, const Value::Array& arguments);

  // Runs `body` protected: it may raise Lua errors and throw, but must hold nothing with a destructor while
  // it raises.
  Status protect(const std::function<void(lua_State*)>& body);
  // Pushes the table that the main script returned.
  static void push_main(lua_State* state);

  // The VM of a state or of any of its coroutines.
  static Vm& of(lua_State* state);

  lua_State* state() const { return state_; }
  Memory& memory() { return memory_; }
  // What a script is told that ran out of it: LuaJIT's words and the cap.
  std::string out_of_memory() const;
  // Whether an error with this text is LuaJIT's for that, and not a script's own.
  bool ran_out_of_memory(const std::string& text) const;
  const Send& send() const { return send_; }
  // The traceback of the last error that reached a strand's end (bind_host.cpp).
  std::string& trace() { return trace_; }

 private:
  Vm(Memory& cell_memory, size_t memory_bytes, Send send);
  static void* allocate(void* vm, void* block, size_t old_size, size_t new_size);
  Error failure_of(int status, int index);

  Memory memory_;
  Send send_;
  std::string trace_;
  lua_State* state_ = nullptr;
};

}  // namespace clade::vm
