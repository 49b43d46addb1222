// string.find, match, gmatch and gsub over pattern.h: as LuaJIT has them, but bounded, and stopped by the
// soft deadline.
#include <cstring>
#include <string_view>

#include "cell/vm/bindings.h"
#include "cell/vm/bounds.h"
#include "cell/vm/limits.h"
#include "cell/vm/pattern.h"

namespace clade::vm {
namespace {

std::string_view text_argument(lua_State* state, int index) {
  size_t size = 0;
  const char* text = luaL_checklstring(state, index, &size);
  return {text, size};
}

int raise(lua_State* state, const PatternFault& fault) {
  switch (fault.kind) {
    case PatternFault::Kind::malformed:
      return luaL_error(state, "%s", fault.text);
    case PatternFault::Kind::too_long:
      return luaL_error(state, "pattern too expensive: stopped after %d steps",
                        static_cast<int>(kPatternSteps));
    case PatternFault::Kind::stopped:
      break;
  }
  raise_stop(state);
}

// Matches at `at`, or with `anywhere` from there on. True if it does: from `start` to `stop`. Raises in Lua.
bool attempt(lua_State* state, Matcher& matcher, const char* at, bool anywhere, const char*& start,
             const char*& stop) {
  PatternFault fault{};
  try {
    if (anywhere) {
      start = matcher.search(at, stop);
    } else {
      stop = matcher.match(at);
      start = stop ? at : nullptr;
    }
    return start != nullptr;
  } catch (const PatternFault& thrown) {
    fault = thrown;
  }
  raise(state, fault);
  return false;
}

void push_capture(lua_State* state, const Matcher& matcher, int index) {
  PatternFault fault{};
  Matcher::Capture capture{};
  bool open = false;
  try {
    capture = matcher.capture(index);
  } catch (const PatternFault& thrown) {
    fault = thrown;
    open = true;
  }
  if (open) raise(state, fault);
  if (capture.size == Matcher::kPosition) {
    lua_pushinteger(state, capture.start - matcher.begin() + 1);
  } else {
    lua_pushlstring(state, capture.start, static_cast<size_t>(capture.size));
  }
}

// Pushes all captures, or the whole match if the pattern has none. Returns how many.
int push_captures(lua_State* state, const Matcher& matcher, const char* start, const char* stop) {
  const int count = matcher.captures();
  luaL_checkstack(state, count + 1, "too many captures");
  if (count == 0) {
    lua_pushlstring(state, start, static_cast<size_t>(stop - start));
    return 1;
  }
  for (int index = 0; index < count; ++index) push_capture(state, matcher, index);
  return count;
}

// Argument 3 of find and match: where to begin, from 1; negative from the end.
size_t first_place(lua_State* state, size_t size) {
  const lua_Integer given = luaL_optinteger(state, 3, 1);
  const auto length = static_cast<lua_Integer>(size);
  const lua_Integer place = given < 0 ? given + length : given - 1;
  if (place < 0) return 0;
  return static_cast<size_t>(place < length ? place : length);
}

int find_plain(lua_State* state, std::string_view subject, std::string_view text, size_t from) {
  const void* found = memmem(subject.data() + from, subject.size() - from, text.data(), text.size());
  if (!found) {
    lua_pushnil(state);
    return 1;
  }
  const auto place = static_cast<const char*>(found) - subject.data();
  lua_pushinteger(state, place + 1);
  lua_pushinteger(state, place + static_cast<ptrdiff_t>(text.size()));
  return 2;
}

int find_or_match(lua_State* state, bool find) {
  const std::string_view subject = text_argument(state, 1);
  std::string_view pattern = text_argument(state, 2);
  const size_t from = first_place(state, subject.size());
  if (find && (lua_toboolean(state, 4) != 0 || is_plain(pattern))) {
    return find_plain(state, subject, pattern, from);
  }
  const bool anchored = !pattern.empty() && pattern.front() == '^';
  if (anchored) pattern.remove_prefix(1);
  Matcher matcher(subject, pattern);
  const char* start = nullptr;
  const char* stop = nullptr;
  if (!attempt(state, matcher, subject.data() + from, !anchored, start, stop)) {
    lua_pushnil(state);
    return 1;
  }
  if (!find) return push_captures(state, matcher, start, stop);
  lua_pushinteger(state, start - subject.data() + 1);
  lua_pushinteger(state, stop - subject.data());
  return 2 + (matcher.captures() > 0 ? push_captures(state, matcher, start, stop) : 0);
}

// find(text, pattern, from = 1, plain = false) → first, last, captures… or nil
int find(lua_State* state) {
  return find_or_match(state, true);
}

// match(text, pattern, from = 1) → captures… or nil
int match(lua_State* state) {
  return find_or_match(state, false);
}

// The iterator of gmatch: text, pattern and the next place are its upvalues.
int next_match(lua_State* state) {
  size_t size = 0;
  const char* text = lua_tolstring(state, lua_upvalueindex(1), &size);
  const std::string_view subject(text, size);
  text = lua_tolstring(state, lua_upvalueindex(2), &size);
  const auto from = static_cast<size_t>(lua_tointeger(state, lua_upvalueindex(3)));
  if (from > subject.size()) return 0;
  Matcher matcher(subject, {text, size});
  const char* start = nullptr;
  const char* stop = nullptr;
  if (!attempt(state, matcher, subject.data() + from, true, start, stop)) return 0;
  // Behind an empty match it goes on with the next letter.
  lua_pushinteger(state, stop - subject.data() + (start == stop ? 1 : 0));
  lua_replace(state, lua_upvalueindex(3));
  return push_captures(state, matcher, start, stop);
}

// gmatch(text, pattern) → an iterator over the captures of each match
int gmatch(lua_State* state) {
  text_argument(state, 1);
  text_argument(state, 2);
  lua_settop(state, 2);
  lua_pushinteger(state, 0);
  lua_pushcclosure(state, guarded<next_match>, 3);
  return 1;
}

// Adds a replacement text in which "%1" is a capture and "%0" the whole match.
void add_text(lua_State* state, luaL_Buffer& result, const Matcher& matcher, const char* start,
              const char* stop) {
  size_t size = 0;
  const char* text = lua_tolstring(state, 3, &size);
  for (size_t i = 0; i < size; ++i) {
    if (text[i] != '%') {
      luaL_addchar(&result, text[i]);
      continue;
    }
    const char next = ++i < size ? text[i] : '\0';
    if (next < '0' || next > '9') {
      luaL_addchar(&result, next);
    } else if (next == '0' || (next == '1' && matcher.captures() == 0)) {
      luaL_addlstring(&result, start, static_cast<size_t>(stop - start));
    } else if (next - '1' >= matcher.captures()) {
      luaL_error(state, "invalid capture index");
    } else {
      push_capture(state, matcher, next - '1');
      luaL_addvalue(&result);
    }
  }
}

// Adds what replaces the match: a text, what a table holds for the first capture, or what a function returns.
void add_replacement(lua_State* state, luaL_Buffer& result, const Matcher& matcher, const char* start,
                     const char* stop) {
  const int type = lua_type(state, 3);
  if (type == LUA_TSTRING || type == LUA_TNUMBER) return add_text(state, result, matcher, start, stop);
  if (type == LUA_TFUNCTION) {
    lua_pushvalue(state, 3);
    lua_call(state, push_captures(state, matcher, start, stop), 1);
  } else {
    if (matcher.captures() > 0) {
      push_capture(state, matcher, 0);
    } else {
      lua_pushlstring(state, start, static_cast<size_t>(stop - start));
    }
    lua_gettable(state, 3);
  }
  if (!lua_toboolean(state, -1)) {
    lua_pop(state, 1);
    lua_pushlstring(state, start, static_cast<size_t>(stop - start));
  } else if (!lua_isstring(state, -1)) {
    luaL_error(state, "invalid replacement value (a %s)", luaL_typename(state, -1));
  }
  luaL_addvalue(&result);
}

// gsub(text, pattern, replacement, most = all) → the text with replacements, their number
int gsub(lua_State* state) {
  const std::string_view subject = text_argument(state, 1);
  std::string_view pattern = text_argument(state, 2);
  const int type = lua_type(state, 3);
  luaL_argcheck(state,
                type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION || type == LUA_TTABLE, 3,
                "string/function/table expected");
  const lua_Integer most = luaL_optinteger(state, 4, static_cast<lua_Integer>(subject.size()) + 1);
  const bool anchored = !pattern.empty() && pattern.front() == '^';
  if (anchored) pattern.remove_prefix(1);
  // The buffer wants the top of the stack: the last argument is read.
  lua_settop(state, 4);
  Matcher matcher(subject, pattern);
  luaL_Buffer result;
  luaL_buffinit(state, &result);
  const char* at = subject.data();
  lua_Integer count = 0;
  while (count < most) {
    const char* start = nullptr;
    const char* stop = nullptr;
    if (attempt(state, matcher, at, false, start, stop)) {
      ++count;
      add_replacement(state, result, matcher, start, stop);
    }
    if (stop && stop > at) {
      at = stop;
    } else if (at < matcher.end()) {
      luaL_addchar(&result, *at++);
    } else {
      break;
    }
    if (anchored) break;
  }
  luaL_addlstring(&result, at, static_cast<size_t>(matcher.end() - at));
  luaL_pushresult(&result);
  lua_pushinteger(state, count);
  return 2;
}

constexpr luaL_Reg kFunctions[] = {
    {"find", guarded<find>}, {"match", guarded<match>}, {"gmatch", guarded<gmatch>},
    {"gsub", guarded<gsub>}, {nullptr, nullptr},
};

}  // namespace

void open_pattern(lua_State* state) {
  luaL_register(state, nullptr, kFunctions);
}

}  // namespace clade::vm
