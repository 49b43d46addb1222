// The host's primitives: C functions in the table that prelude.lua and the main script of a VM are given.
// Scripts see what these make of them. One file per group; each has its registration table at its end.
#pragma once

#include <cstdio>
#include <exception>
#include <new>
#include <string_view>

#include "cell/vm/lua_api.h"

namespace clade::vm {

// The text of an error where the host's own work found no memory; the VM knows then that it is true.
const char* out_of_memory_in(lua_State* state);

// What every binding is registered through: an exception becomes a Lua error after all objects of the binding
// are gone. A binding raises Lua errors itself only while it holds nothing with a destructor.
template <int (*binding)(lua_State*)>
int guarded(lua_State* state) {
  char message[512];
  try {
    return binding(state);
  } catch (const std::bad_alloc&) {
    std::snprintf(message, sizeof message, "%s", out_of_memory_in(state));
  } catch (const std::exception& exception) {
    std::snprintf(message, sizeof message, "%s", exception.what());
  }
  lua_pushstring(state, message);
  return lua_error(state);
}

// Each adds its functions to the table on top of the stack; all raise when out of memory.
void open_host(lua_State* state);
void open_hash(lua_State* state);
void open_pairs(lua_State* state);
void open_pattern(lua_State* state);

}  // namespace clade::vm
