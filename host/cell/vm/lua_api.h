// LuaJIT's C interface. This folder alone includes it.
#pragma once

extern "C" {
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
}
