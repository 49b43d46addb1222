// The embedded scripts in compiled form: loading that takes a tenth of the time that compiling the text does.
#pragma once

#include <string_view>

struct lua_State;

namespace clade::vm {

// Compiles all of them, once per process.
void compile_embedded();

// Pushes the compiled function of an embedded script ("scripts/boot.lua"); raises if there is none. Made from
// text unless compile_embedded has been called in this process or the one it was forked from.
void load_embedded(lua_State* state, std::string_view path);

}  // namespace clade::vm
