// A replay as a file that stands for itself: what a handler was given and answered, and what it must do with
// that. JSON, so that people can read it and mend it by hand.
#pragma once

#include <string>

#include "base/result.h"
#include "base/value.h"
#include "run/recording.h"
#include "run/replay.h"

namespace clade::run {

struct SavedReplay {
  Recording recording;
  Replayed expected;  // of a handler that raised, only that it did: its text names lines
};

// The file's content: {agent, role, run, handler, state, state_version, state_schema, argument, now_ms, seed,
// answers=[{strand, position, op, args, turn, finished_at, result | error={code, message}}], expect={end,
// result, state, effects}}. Errors: "invalid" (JSON cannot hold it: names the part).
Result<Value> saved_replay(const Recording& recording, const Replayed& expected);

// The reverse. Errors: "invalid" (names the part that is missing or no such thing).
Result<SavedReplay> read_saved_replay(const Value& content);

// What differs between what is expected and what came, as one word: "", "end", "result", "state" or
// "effects".
std::string difference(const Replayed& expected, const Replayed& came);

}  // namespace clade::run
