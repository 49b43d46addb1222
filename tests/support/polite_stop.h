// What this build can promise about a script that never ends.
#pragma once

#include <cstdint>

#ifndef CLADE_LUAJIT_CHECKHOOK
#error "link luajit: it says how it was built"
#endif

namespace test {

// Whether a compiled loop can be stopped with a traceback. ThreadSanitizer holds signals back until the next
// call into its runtime, which such a loop never makes: there only SIGKILL is left, as with a distribution's
// LuaJIT.
#if CLADE_LUAJIT_CHECKHOOK && !defined(__SANITIZE_THREAD__)
#define CLADE_STOPS_POLITELY 1
#else
#define CLADE_STOPS_POLITELY 0
#endif
inline constexpr bool kStopsPolitely = CLADE_STOPS_POLITELY == 1;
// From the soft to the hard deadline in ms, where a test is about the soft one.
inline constexpr int64_t kGraceMs = kStopsPolitely ? 60000 : 200;

}  // namespace test
