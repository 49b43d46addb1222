// Plain data between Lua and Value: nil, booleans, numbers, strings, tables with keys 1 … n (arrays) or
// string keys (maps; {} is an empty map). No functions, no cycles, within the bounds of bounds.h. Metatables
// are not consulted, so no code of a script runs here.
#pragma once

#include <string_view>

#include "base/result.h"
#include "base/value.h"

struct lua_State;

namespace clade::vm {

// Room on the Lua stack for to_value and copy_plain. Raises when out of memory: call it while nothing with a
// destructor lives.
void reserve_stack(lua_State* state);

// What has been converted of that which leaves together: the bounds are for all of it.
struct Crossing {
  size_t bytes = 0;
  size_t values = 0;
  size_t entries = 0;  // of maps
};

// Raises no Lua error after reserve_stack. Errors: "invalid", "limit"; the message names the part:
// "<root>.a[3].b is a function: …". With an empty root paths begin with the first key.
Result<Value> to_value(lua_State* state, int index, std::string_view root, Crossing& crossing);
Result<Value> to_value(lua_State* state, int index, std::string_view root);

// Pushes a value. Integers beyond 2^53 lose their last digits. Raises when out of memory.
void push_value(lua_State* state, const Value& value);

// Copies plain data at `index` of one VM to the top of another's stack. Keys may be numbers, strings and
// booleans. nullptr, or why not (then nothing is pushed). Raises in `to` when that is out of memory; `from`
// needs reserve_stack.
const char* copy_plain(lua_State* from, int index, lua_State* to);

}  // namespace clade::vm
