// The content hash: what `clade.hash` is.
#include <cstring>
#include <string>

#include "base/bytes.h"
#include "cell/vm/bindings.h"

namespace clade::vm {
namespace {

// hash(text) → 64 hexadecimal digits
int hash(lua_State* state) {
  size_t size = 0;
  const char* text = luaL_checklstring(state, 1, &size);
  char digits[64];
  std::memcpy(digits, content_hash(std::string_view(text, size)).data(), sizeof digits);
  lua_pushlstring(state, digits, sizeof digits);
  return 1;
}

constexpr luaL_Reg kFunctions[] = {
    {"hash", guarded<hash>},
    {nullptr, nullptr},
};

}  // namespace

void open_hash(lua_State* state) {
  luaL_register(state, nullptr, kFunctions);
}

}  // namespace clade::vm
