// What the storm tells its double of the system's calls (double.cpp), in a file that both map. The double
// lives in the host alone: cells, keepers and commands start with environments of their own.
#pragma once

#include <atomic>
#include <cstdint>

namespace storm {

// Names the mapped file in the environment of the host.
inline constexpr const char* kOrdersVariable = "CLADE_STORM_ORDERS";

// The calls that may be hit; values are bits.
enum Call : uint32_t { kSync = 1, kWrite = 2, kRead = 4 };

// What happens to the call that is hit.
enum class Blow : uint32_t {
  none,
  fail,         // it fails with `error`, this once
  fail_always,  // and so do all that follow
  fail_losing,  // it fails, and the disk has lost a part of what was not yet synced
  power_cut,    // the process is killed, and the disk has lost a part of what was not yet synced
};

// Zeroes: nothing is hit. `blow` is written last, and by the storm alone.
struct Orders {
  std::atomic<int64_t> clock_offset_ns;  // added to the time of day
  std::atomic<uint32_t> calls;           // which are counted
  std::atomic<int32_t> countdown;        // so many pass before the one that is hit
  std::atomic<int32_t> error;            // errno of the failure
  std::atomic<uint32_t> delay_us;  // what the call that is hit takes, while the rest of the host goes on
  std::atomic<uint32_t> seed;      // of what is lost
  std::atomic<uint32_t> hits;      // counted by the double
  std::atomic<Blow> blow;
};

}  // namespace storm
