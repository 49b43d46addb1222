// The bounds that the cell keeps politely, with an error that the script can read, and that the host enforces
// on whatever comes out of a cell. One home for both sides.
#pragma once

#include <cstddef>
#include <cstdint>

namespace clade::vm {

// A frame from the host to a cell.
inline constexpr size_t kFrameBytes = 16u << 20;
// What leaves a VM at once: bytes of texts and keys, values of all kinds, entries of maps. The host decodes
// it on its loop, which must not wait for long (./dev bench stall).
inline constexpr size_t kValueBytes = 1u << 20;
inline constexpr size_t kValues = 1u << 15;
inline constexpr size_t kMapEntries = 1u << 12;
// A frame from a cell to the host: such a value, its names and numbers.
inline constexpr size_t kSentBytes = kValueBytes + 10 * kValues;
inline constexpr size_t kSentNames = 64;
// What a cell may send in one slice, until it waits for the next frame.
inline constexpr size_t kSliceBytes = 64u << 20;
// Nested arrays and maps in one value.
inline constexpr int kValueDepth = 64;
// In a frame: its own maps come on top.
inline constexpr size_t kFrameDepth = kValueDepth + 8;
// What an evaluation may print.
inline constexpr size_t kOutputBytes = 64u << 10;
// What a run may log between two answers of the host, each line counted with kLogLineBytes on top.
inline constexpr size_t kLogBytes = 256u << 10;
inline constexpr size_t kLogLineBytes = 32;
// Coroutines of one VM that are alive at the same time, and resumed within each other (each takes C stack).
inline constexpr int kCoroutines = 10000;
inline constexpr int kNestedCoroutines = 100;
// Strands of one run that wait at the same time, and that it makes in all: the host remembers each.
inline constexpr size_t kWaitingStrands = 4096;
inline constexpr size_t kStrands = 1u << 20;
// The name of a strand ("0.1.4") and what else a cell calls by a short name.
inline constexpr size_t kNameBytes = 256;
// Patterns of `tasks` of an agent, each as long as a name at most: the host compares them with every task.
inline constexpr size_t kTaskPatterns = 100;
// Source that `load` compiles at once: the compiler cannot be interrupted.
inline constexpr size_t kLoadBytes = 1u << 20;
// Comparisons of a pattern's items with letters, per call of string.find, match, gsub, or per step of gmatch.
inline constexpr uint64_t kPatternSteps = 100'000'000;
// C stack in use above which C code calls no Lua function. A quarter of the smallest stack that systems give;
// cells have far more.
inline constexpr size_t kDeepStackBytes = 2u << 20;

}  // namespace clade::vm
