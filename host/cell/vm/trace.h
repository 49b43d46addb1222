// Messages that say where: positions and tracebacks as people read them. Unlike the library's they hold no
// addresses, name chunks in full (path@hash) and leave out the machinery of scripts/.
#pragma once

#include <string>

struct lua_State;

namespace clade::vm {

// How every traceback begins: a text that holds it has one.
inline constexpr const char* kTraceback = "\nstack traceback:";

// "chunk:line: text" of the innermost script function of the running coroutine, then the traceback; "" if
// none runs there.
std::string with_position(lua_State* state, const std::string& text);
// The text and below it "stack traceback:\n\t…" of a coroutine that failed and was not unwound, or of the
// running one. As it is if it has a traceback already, or if no script is on the stack.
std::string with_traceback(lua_State* state, std::string text, int level = 0);

// Where message handlers begin: above themselves. LuaJIT crashes when it looks for their own name after
// compiled code overflowed the stack, because the place of the call is then unknown.
constexpr int kBelowHandler = 1;
// What an error value says: strings and numbers as text, any other as "(error value: a table)". Runs no code.
std::string error_text(lua_State* state, int index);
// The message handler for lua_pcall: error_text with_traceback.
int trace_handler(lua_State* state);

}  // namespace clade::vm
