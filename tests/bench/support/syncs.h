// Counts what a durable commit costs: fdatasync. In a bench itself by being linked; in a process that it
// starts by LD_PRELOAD of the library bench_syncs, with kSyncsVariable naming a file of 8 bytes that both
// map.
#pragma once

#include <cstdint>
#include <string>

namespace bench {

inline constexpr const char* kSyncsVariable = "CLADE_BENCH_SYNCS";

// Of this process so far.
uint64_t syncs();

}  // namespace bench
