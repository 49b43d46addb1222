#include "cell/vm/trace.h"

#include <cstring>
#include <exception>

#include "cell/vm/lua_api.h"

namespace clade::vm {
namespace {

constexpr int kShownFrames = 20;
// A script names what it loads as it likes.
constexpr size_t kShownName = 200;
constexpr const char* kHidden[] = {"@scripts/boot.lua",     "@scripts/prelude.lua", "@scripts/eval.lua",
                                   "@scripts/repl.lua",     "@scripts/strands.lua", "@scripts/coroutines.lua",
                                   "@scripts/migration.lua"};

bool is_machinery(const lua_Debug& frame) {
  for (const char* source : kHidden) {
    if (std::strcmp(frame.source, source) == 0) return true;
  }
  return false;
}

bool is_c(const lua_Debug& frame) {
  return std::strcmp(frame.what, "C") == 0;
}

// The machinery of scripts/ and what it calls of C.
bool is_hidden(lua_State* state, int level, const lua_Debug& frame) {
  if (!is_c(frame)) return is_machinery(frame);
  if (!frame.name || std::strcmp(frame.namewhat, "metamethod") == 0) return true;
  lua_Debug caller{};
  if (lua_getstack(state, level + 1, &caller) == 0) return false;
  lua_getinfo(state, "S", &caller);
  return is_machinery(caller);
}

// Innermost and raising on purpose: the line below it says it all.
bool is_raise(const lua_Debug& frame, int shown) {
  return shown == 0 && is_c(frame) && frame.name &&
         (std::strcmp(frame.name, "error") == 0 || std::strcmp(frame.name, "assert") == 0);
}

std::string chunk_of(const lua_Debug& frame) {
  const bool named = frame.source[0] == '@' || frame.source[0] == '=';
  return named ? std::string(frame.source + 1, strnlen(frame.source + 1, kShownName)) : frame.short_src;
}

std::string describe(const lua_Debug& frame) {
  if (is_c(frame)) return std::string("[C]: in function '") + frame.name + "'";
  std::string text = chunk_of(frame) + ":" + std::to_string(frame.currentline) + ": in ";
  if (std::strcmp(frame.what, "main") == 0) return text + "the chunk";
  if (frame.name) return text + "function '" + frame.name + "'";
  return text + "the function of line " + std::to_string(frame.linedefined);
}

}  // namespace

std::string with_position(lua_State* state, const std::string& text) {
  lua_Debug frame{};
  for (int level = 0; lua_getstack(state, level, &frame); ++level) {
    lua_getinfo(state, "nSl", &frame);
    if (frame.currentline > 0 && !is_machinery(frame)) {
      return with_traceback(state, chunk_of(frame) + ":" + std::to_string(frame.currentline) + ": " + text);
    }
  }
  return "";
}

std::string with_traceback(lua_State* state, std::string text, int level) {
  if (text.find(kTraceback) != std::string::npos) return text;
  std::string frames;
  lua_Debug frame{};
  int shown = 0;
  for (; lua_getstack(state, level, &frame); ++level) {
    lua_getinfo(state, "nSl", &frame);
    if (is_hidden(state, level, frame) || is_raise(frame, shown)) continue;
    if (++shown > kShownFrames) {
      frames += "\n\t(more frames)";
      break;
    }
    frames += "\n\t" + describe(frame);
  }
  // A chunk that raised in tail position has left no frame to show.
  return frames.empty() ? text : text + kTraceback + frames;
}

std::string error_text(lua_State* state, int index) {
  const int type = lua_type(state, index);
  if (type == LUA_TSTRING) {
    size_t size = 0;
    const char* text = lua_tolstring(state, index, &size);
    return std::string(text, size);
  }
  if (type == LUA_TNUMBER) return std::to_string(lua_tonumber(state, index));
  return std::string("(error value: a ") + lua_typename(state, type) + ")";
}

int trace_handler(lua_State* state) {
  // No object with a destructor may be alive when lua_pushlstring raises: the text waits in a buffer.
  char buffer[4096];
  size_t size = 0;
  try {
    const std::string text = with_traceback(state, error_text(state, 1), kBelowHandler);
    size = std::min(text.size(), sizeof buffer);
    std::memcpy(buffer, text.data(), size);
  } catch (const std::exception&) {
    return 1;
  }
  lua_pushlstring(state, buffer, size);
  return 1;
}

}  // namespace clade::vm
