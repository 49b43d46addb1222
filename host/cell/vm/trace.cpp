#include "cell/vm/trace.h"

#include <cstring>
#include <exception>

#include "cell/vm/lua_api.h"

namespace clade::vm {
namespace {

constexpr int kShownFrames = 20;
constexpr const char* kHidden[] = {"@scripts/boot.lua", "@scripts/prelude.lua", "@scripts/eval.lua",
                                   "@scripts/repl.lua", "@scripts/strands.lua"};

bool is_hidden(const lua_Debug& frame) {
  for (const char* source : kHidden) {
    if (std::strcmp(frame.source, source) == 0) return true;
  }
  return std::strcmp(frame.what, "C") == 0 && (!frame.name || std::strcmp(frame.namewhat, "metamethod") == 0);
}

std::string chunk_of(const lua_Debug& frame) {
  return frame.source[0] == '@' || frame.source[0] == '=' ? frame.source + 1 : frame.short_src;
}

std::string describe(const lua_Debug& frame) {
  if (std::strcmp(frame.what, "C") == 0) return std::string("[C]: in function '") + frame.name + "'";
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
    if (frame.currentline > 0 && !is_hidden(frame)) {
      return chunk_of(frame) + ":" + std::to_string(frame.currentline) + ": " + text + "\n" +
             traceback(state);
    }
  }
  return "";
}

std::string traceback(lua_State* state) {
  std::string text = kTraceback + 1;
  lua_Debug frame{};
  int shown = 0;
  for (int level = 0; lua_getstack(state, level, &frame); ++level) {
    lua_getinfo(state, "nSl", &frame);
    if (is_hidden(frame)) continue;
    if (++shown > kShownFrames) return text + "\n\t(more frames)";
    text += "\n\t" + describe(frame);
  }
  return text;
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
    std::string text = error_text(state, 1);
    if (text.find(kTraceback) == std::string::npos) text += "\n" + traceback(state);
    size = std::min(text.size(), sizeof buffer);
    std::memcpy(buffer, text.data(), size);
  } catch (const std::exception&) {
    return 1;
  }
  lua_pushlstring(state, buffer, size);
  return 1;
}

}  // namespace clade::vm
