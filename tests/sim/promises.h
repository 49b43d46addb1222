// What must be so in every history, whatever the disk, the clock, cells and clients do. The first ones are
// checked as things happen (witness.h), the others by reading the database as anybody could.
#pragma once

#include "queue/task.h"
#include "sim/counters.h"
#include "sim/stored.h"
#include "sim/witness.h"

namespace sim {

inline constexpr const char* kOneRunPerAgent = "an agent has one run at a time";
inline constexpr const char* kOneLease = "at most one live run works on a task or message";
inline constexpr const char* kLeaseOfLive = "a live run keeps its lease, however long it says nothing";
inline constexpr const char* kLeaseLasts =
    "a lease runs out after its time, and not by a stall of the host or a jump of its clock";
inline constexpr const char* kFenced = "a late write is refused and changes nothing";
inline constexpr const char* kStartedFirst = "an effect begins after `started` is on disk";
inline constexpr const char* kFinishedOnce = "a finished await is never begun again";
inline constexpr const char* kUnknownOutcome =
    "a cut off effect that is not idempotent is not begun again, its script is told of an unknown outcome";
inline constexpr const char* kSameAnswer = "a handler that runs again is told what it was told before";
inline constexpr const char* kGivenUp =
    "what clade.any or clade.timeout gave up ends, and is neither answered nor begun again";
inline constexpr const char* kSameWinner =
    "a group of strands comes out the same when its handler runs again";
inline constexpr const char* kSilentAfterDeath = "nothing is acknowledged after the store has failed";
inline constexpr const char* kBeginsConfirmed =
    "after a crash what was confirmed is in force, and after an orderly end a probation goes on";
inline constexpr const char* kOwnWords = "a role takes what the version says that it runs";
inline constexpr const char* kMemoryIsStore =
    "queue, mail, votes and data in memory are what the store holds";
inline constexpr const char* kStopsWithDisk = "a host stops by itself only when its disk has failed";
inline constexpr const char* kSaysWhy = "a host that its disk stops names the file and what is wrong";
inline constexpr const char* kEnds = "a history comes to rest";
inline constexpr const char* kStarts = "a host starts from whatever a crash left";
inline constexpr const char* kNoBug = "no history makes the core throw";

// Checks what the database holds against each other and against what was witnessed. `rests`: the history is
// over, nothing is under way any more.
void check_stored(const Stored& stored, Witness& witness, bool rests);
// The edges of every task's life cycle that the history took.
void count_edges(const Stored& stored, Counters& counters);

}  // namespace sim
