// What an agent keeps from one run to the next.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/value.h"
#include "store/writer.h"

namespace clade::run {

struct AgentState {
  Value value;          // nil: the script's own first `state`
  std::string version;  // that wrote it; "" if none did
  std::string hash;     // content hash of its JSON; "" if there is none yet
  bool kept = false;    // in the store's table of states that runs began with, or in a batch
};

inline constexpr size_t kStateBytes = 64u << 10;  // of a state as JSON; design, "Store"

// The state after a handler that began with `before` and returned `value`; equal to `before` but for the
// version if nothing in it changed. Errors: "invalid" (JSON cannot hold it), "limit".
Result<AgentState> next_state(const AgentState& before, Value value, const std::string& version);

// Makes it the state of an agent, `now` in ms since 1970.
void write_state(const std::string& agent, const AgentState& state, int64_t now, store::Batch& batch);

// Puts a state that a run begins with where `clade replay` finds it, once.
void keep_state(AgentState& state, store::Batch& batch);

}  // namespace clade::run
