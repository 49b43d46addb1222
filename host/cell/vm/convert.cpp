#include "cell/vm/convert.h"

#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "cell/vm/bounds.h"
#include "cell/vm/lua_api.h"

namespace clade::vm {
namespace {

// Of the way to a value, where a message names it: keys are as long as scripts make them.
constexpr size_t kShownPath = 200;

// A conversion under way: where it is, and how much it has made.
class Conversion {
 public:
  Conversion(lua_State* state, std::string_view root, Crossing& crossing)
      : state_(state), path_(root), crossing_(crossing) {}

  Result<Value> convert(int index) {
    if (++crossing_.values > kValues) return too_large();
    switch (lua_type(state_, index)) {
      case LUA_TNIL:
        return Value();
      case LUA_TBOOLEAN:
        return Value(lua_toboolean(state_, index) != 0);
      case LUA_TNUMBER:
        return Value(static_cast<double>(lua_tonumber(state_, index)));
      case LUA_TSTRING: {
        size_t size = 0;
        const char* text = lua_tolstring(state_, index, &size);
        crossing_.bytes += size;
        if (crossing_.bytes > kValueBytes) return too_large();
        return Value(std::string(text, size));
      }
      case LUA_TTABLE:
        return table(index > 0 ? index : lua_gettop(state_) + index + 1);
      default:
        return wrong(std::string("is a ") + lua_typename(state_, lua_type(state_, index)) +
                     ": only nil, booleans, numbers, strings and tables can leave a VM");
    }
  }

 private:
  Result<Value> table(int index) {
    const void* identity = lua_topointer(state_, index);
    for (int level = 0; level < depth_; ++level) {
      if (ancestors_[static_cast<size_t>(level)] == identity)
        return wrong("refers to a table that it is part of");
    }
    if (depth_ == kValueDepth)
      return wrong("is nested deeper than " + std::to_string(kValueDepth) + " levels");
    ancestors_[static_cast<size_t>(depth_++)] = identity;
    const size_t length = lua_objlen(state_, index);
    auto value = length > 0 ? array(index, length) : map(index);
    --depth_;
    return value;
  }

  Result<Value> array(int index, size_t length) {
    // What is no element 1 … length is found first, so that the loop below is the fast one.
    size_t keys = 0;
    lua_pushnil(state_);
    while (lua_next(state_, index) != 0) {
      lua_pop(state_, 1);
      if (lua_type(state_, -1) != LUA_TNUMBER) {
        std::string other = key_text();
        lua_pop(state_, 1);
        return wrong("has elements 1 … " + std::to_string(length) + " and the key " + other +
                     ": use either an array or a map");
      }
      const double number = lua_tonumber(state_, -1);
      if (number < 1 || number > static_cast<double>(length) || number != std::floor(number)) {
        std::string other = key_text();
        lua_pop(state_, 1);
        return wrong("has the key " + other + " beside elements 1 … " + std::to_string(length) +
                     ": an array has keys 1 … n without gaps");
      }
      ++keys;
    }
    if (keys != length) return wrong("has gaps: an array has keys 1 … n, without gaps");
    Value::Array items;
    items.reserve(length);
    for (size_t item = 1; item <= length; ++item) {
      const size_t before = path_.size();
      lua_rawgeti(state_, index, static_cast<int>(item));
      if (!lua_istable(state_, -1) && !lua_isfunction(state_, -1)) {
        auto value = convert(-1);
        lua_pop(state_, 1);
        if (!value) return value;
        items.push_back(std::move(*value));
        continue;
      }
      path_ += "[" + std::to_string(item) + "]";
      auto value = convert(-1);
      lua_pop(state_, 1);
      if (!value) return value;
      path_.resize(before);
      items.push_back(std::move(*value));
    }
    return Value(std::move(items));
  }

  Result<Value> map(int index) {
    Value::Map entries;
    lua_pushnil(state_);
    while (lua_next(state_, index) != 0) {
      if (lua_type(state_, -2) != LUA_TSTRING) {
        lua_pop(state_, 1);
        std::string other = key_text();
        lua_pop(state_, 1);
        return wrong("has the key " + other + ": a map has string keys, an array has keys 1 … n");
      }
      size_t size = 0;
      const char* key = lua_tolstring(state_, -2, &size);
      crossing_.bytes += size;
      if (++crossing_.entries > kMapEntries || crossing_.bytes > kValueBytes) {
        lua_pop(state_, 2);
        return too_large();
      }
      const size_t before = path_.size();
      if (!path_.empty()) path_ += '.';
      path_.append(key, size);
      auto value = convert(-1);
      lua_pop(state_, 1);
      if (!value) {
        lua_pop(state_, 1);
        return value;
      }
      path_.resize(before);
      entries.emplace(std::string(key, size), std::move(*value));
    }
    return Value(std::move(entries));
  }

  // The key on top of the stack, for a message.
  std::string key_text() const {
    switch (lua_type(state_, -1)) {
      case LUA_TSTRING:
        return "\"" + shortened(lua_tostring(state_, -1)) + "\"";
      case LUA_TNUMBER: {
        // Not lua_tostring: that would change the key under the traversal.
        const double number = lua_tonumber(state_, -1);
        char text[32];
        std::snprintf(text, sizeof text, "%.14g", number);
        return text;
      }
      default:
        return std::string("of type ") + lua_typename(state_, lua_type(state_, -1));
    }
  }

  static std::string shortened(std::string text) {
    if (text.size() <= kShownPath) return text;
    text.resize(kShownPath);
    return text + "…";
  }
  std::string place() const { return path_.empty() ? "the value" : shortened(path_); }

  tl::unexpected<Error> wrong(const std::string& what) const {
    return failure("invalid", place() + " " + what);
  }
  tl::unexpected<Error> too_large() const {
    return failure("limit", place() + " is too large: at most " + std::to_string(kValueBytes >> 20) +
                                " MB, " + std::to_string(kValues) + " values and " +
                                std::to_string(kMapEntries) + " map entries can leave a VM at once");
  }

  lua_State* state_;
  std::string path_;
  int depth_ = 0;
  std::array<const void*, kValueDepth> ancestors_{};
  Crossing& crossing_;
};

const char* copy_level(lua_State* from, int index, lua_State* to, int depth) {
  switch (lua_type(from, index)) {
    case LUA_TNIL:
      lua_pushnil(to);
      return nullptr;
    case LUA_TBOOLEAN:
      lua_pushboolean(to, lua_toboolean(from, index));
      return nullptr;
    case LUA_TNUMBER:
      lua_pushnumber(to, lua_tonumber(from, index));
      return nullptr;
    case LUA_TSTRING: {
      size_t size = 0;
      const char* text = lua_tolstring(from, index, &size);
      lua_pushlstring(to, text, size);
      return nullptr;
    }
    case LUA_TTABLE:
      break;
    default:
      return "only plain data passes: nil, booleans, numbers, strings and tables of them";
  }
  if (depth == kValueDepth) {
    static const std::string kTooDeep =
        "nested deeper than " + std::to_string(kValueDepth) + " levels, or part of itself";
    return kTooDeep.c_str();
  }
  const int table = index > 0 ? index : lua_gettop(from) + index + 1;
  luaL_checkstack(to, 4, "plain data");
  lua_createtable(to, static_cast<int>(lua_objlen(from, table)), 0);
  lua_pushnil(from);
  while (lua_next(from, table) != 0) {
    const char* problem = nullptr;
    if (lua_type(from, -2) == LUA_TTABLE) {
      problem = "a key is a table";
    } else {
      problem = copy_level(from, -2, to, depth + 1);
    }
    if (problem) {
      lua_pop(from, 2);
      lua_pop(to, 1);
      return problem;
    }
    problem = copy_level(from, -1, to, depth + 1);
    if (problem) {
      lua_pop(from, 2);
      lua_pop(to, 2);
      return problem;
    }
    lua_rawset(to, -3);
    lua_pop(from, 1);
  }
  return nullptr;
}

}  // namespace

void reserve_stack(lua_State* state) {
  luaL_checkstack(state, 3 * kValueDepth + 20, "plain data");
}

Result<Value> to_value(lua_State* state, int index, std::string_view root, Crossing& crossing) {
  return Conversion(state, root, crossing).convert(index);
}

Result<Value> to_value(lua_State* state, int index, std::string_view root) {
  Crossing crossing;
  return to_value(state, index, root, crossing);
}

void push_value(lua_State* state, const Value& value) {
  luaL_checkstack(state, 4, "plain data");
  if (value.is_nil()) {
    lua_pushnil(state);
  } else if (value.is_bool()) {
    lua_pushboolean(state, value.as_bool());
  } else if (value.is_number()) {
    lua_pushnumber(state, value.as_real());
  } else if (value.is_string()) {
    lua_pushlstring(state, value.as_string().data(), value.as_string().size());
  } else if (value.is_array()) {
    lua_createtable(state, static_cast<int>(value.as_array().size()), 0);
    int index = 0;
    for (const Value& item : value.as_array()) {
      push_value(state, item);
      lua_rawseti(state, -2, ++index);
    }
  } else {
    lua_createtable(state, 0, static_cast<int>(value.as_map().size()));
    for (const auto& [key, item] : value.as_map()) {
      lua_pushlstring(state, key.data(), key.size());
      push_value(state, item);
      lua_rawset(state, -3);
    }
  }
}

const char* copy_plain(lua_State* from, int index, lua_State* to) {
  return copy_level(from, index, to, 0);
}

}  // namespace clade::vm
