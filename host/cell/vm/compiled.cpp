#include "cell/vm/compiled.h"

#include <map>
#include <memory>
#include <string>

#include "cell/vm/embedded.h"
#include "cell/vm/lua_api.h"

namespace clade::vm {
namespace {

using Texts = std::map<std::string, std::string, std::less<>>;

int append(lua_State*, const void* bytes, size_t size, void* text) {
  static_cast<std::string*>(text)->append(static_cast<const char*>(bytes), size);
  return 0;
}

Texts compile_all() {
  Texts compiled;
  const std::unique_ptr<lua_State, void (*)(lua_State*)> state(luaL_newstate(), lua_close);
  if (!state) return compiled;
  for (const auto& [path, source] : embedded_scripts()) {
    const std::string name = "@" + path;
    std::string bytes;
    if (luaL_loadbuffer(state.get(), source.data(), source.size(), name.c_str()) == 0 &&
        lua_dump(state.get(), append, &bytes) == 0) {
      compiled.emplace(path, std::move(bytes));
    }
    lua_settop(state.get(), 0);
  }
  return compiled;
}

// Filled by compile_embedded, once; constant afterwards. Forked cells inherit it, which is its only purpose.
Texts& compiled_scripts() {
  static Texts compiled;
  return compiled;
}

}  // namespace

void compile_embedded() {
  if (compiled_scripts().empty()) compiled_scripts() = compile_all();
}

void load_embedded(lua_State* state, std::string_view path) {
  const auto& sources = embedded_scripts();
  const auto source = sources.find(path);
  if (source == sources.end()) {
    lua_pushlstring(state, path.data(), path.size());
    luaL_error(state, "there is no embedded script %s", lua_tostring(state, -1));
  }
  const auto compiled = compiled_scripts().find(path);
  const bool known = compiled != compiled_scripts().end();
  const std::string& bytes = known ? compiled->second : source->second;
  lua_pushfstring(state, "@%s", source->first.c_str());
  if (luaL_loadbuffer(state, bytes.data(), bytes.size(), lua_tostring(state, -1)) != 0) lua_error(state);
  lua_remove(state, -2);
}

}  // namespace clade::vm
