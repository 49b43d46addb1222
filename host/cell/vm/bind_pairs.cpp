// The order in which scripts see a table's keys. LuaJIT's own differs from process to process, and a run that
// is executed again must see the same one: numbers ascending, then strings by their bytes, then false and
// true.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "cell/vm/bindings.h"
#include "cell/vm/limits.h"

namespace clade::vm {
namespace {

// A key as it is sorted. The text is the table's own and lives as long as the key is in it.
struct Key {
  int type;
  double number;
  const char* text;
  size_t size;
};

int rank(const Key& key) {
  return key.type == LUA_TNUMBER ? 0 : key.type == LUA_TSTRING ? 1 : 2;
}

bool comes_before(const Key& left, const Key& right) {
  if (left.type != right.type) return rank(left) < rank(right);
  if (left.type != LUA_TSTRING) return left.number < right.number;
  const int order = std::memcmp(left.text, right.text, std::min(left.size, right.size));
  return order != 0 ? order < 0 : left.size < right.size;
}

// What a first traversal in LuaJIT's own order finds.
struct Survey {
  size_t count = 0;
  double last = 0;        // the last key, if `ascending`
  bool ascending = true;  // all keys are integers from 1 and came in order: nothing is to be sorted
};

Survey survey(lua_State* state) {
  Survey found;
  lua_pushnil(state);
  while (lua_next(state, 1) != 0) {
    lua_pop(state, 1);
    ++found.count;
    const int type = lua_type(state, -1);
    if (type == LUA_TNUMBER) {
      const double key = lua_tonumber(state, -1);
      found.ascending = found.ascending && key > found.last && key == std::floor(key);
      found.last = key;
      continue;
    }
    found.ascending = false;
    if (type != LUA_TSTRING && type != LUA_TBOOLEAN) {
      luaL_where(state, 2);
      lua_pushfstring(state,
                      "%sthe table has a %s as a key, so its order differs from process to process: keep a "
                      "list beside it",
                      lua_tostring(state, -1), lua_typename(state, type));
      lua_error(state);
    }
  }
  // Few keys that are far apart are better listed than looked for one by one.
  if (found.last > 4 * static_cast<double>(found.count) + 16) found.ascending = false;
  return found;
}

// Sorts them; false if the deadline came meanwhile.
bool sort_keys(Key* keys, size_t count) {
  struct Stopped {};
  constexpr uint64_t kPatience = 1u << 14;  // comparisons between two looks at the deadline
  uint64_t steps = 0;
  try {
    std::sort(keys, keys + count, [&steps](const Key& left, const Key& right) {
      if (++steps % kPatience == 0 && stopping() != Stop::none) throw Stopped{};
      return comes_before(left, right);
    });
  } catch (const Stopped&) {
    return false;
  }
  return true;
}

// sorted_keys(table) → nil, last if its keys are integers in 1 … last; else {keys in order}, their number
int sorted_keys(lua_State* state) {
  luaL_checktype(state, 1, LUA_TTABLE);
  lua_settop(state, 1);
  const Survey found = survey(state);
  if (found.ascending) {
    lua_pushnil(state);
    lua_pushnumber(state, found.last);
    return 2;
  }
  const size_t count = found.count;
  // In the VM's own memory: it counts against the cap, and an error may pass it.
  auto* keys = static_cast<Key*>(lua_newuserdata(state, count * sizeof(Key)));
  size_t index = 0;
  lua_pushnil(state);
  while (index < count && lua_next(state, 1) != 0) {
    lua_pop(state, 1);
    Key& key = keys[index++];
    key = Key{lua_type(state, -1), 0, nullptr, 0};
    if (key.type == LUA_TNUMBER) key.number = lua_tonumber(state, -1);
    if (key.type == LUA_TBOOLEAN) key.number = lua_toboolean(state, -1);
    if (key.type == LUA_TSTRING) key.text = lua_tolstring(state, -1, &key.size);
  }
  if (!sort_keys(keys, count)) raise_stop(state);
  lua_settop(state, 2);
  lua_createtable(state, static_cast<int>(count), 0);
  for (size_t i = 0; i < count; ++i) {
    if (keys[i].type == LUA_TNUMBER) lua_pushnumber(state, keys[i].number);
    if (keys[i].type == LUA_TBOOLEAN) lua_pushboolean(state, keys[i].number != 0);
    if (keys[i].type == LUA_TSTRING) lua_pushlstring(state, keys[i].text, keys[i].size);
    lua_rawseti(state, 3, static_cast<int>(i) + 1);
  }
  lua_pushnumber(state, static_cast<double>(count));
  return 2;
}

constexpr luaL_Reg kFunctions[] = {
    {"sorted_keys", guarded<sorted_keys>},
    {nullptr, nullptr},
};

}  // namespace

void open_pairs(lua_State* state) {
  luaL_register(state, nullptr, kFunctions);
}

}  // namespace clade::vm
