#include "queue/task.h"

#include <array>

namespace clade::queue {
namespace {

constexpr std::array<const char*, kStates> kStateNames = {
    "created",   "blocked", "awaiting_approval", "queued",    "assigned", "executing", "reviewing",
    "completed", "failed",  "dead_letter",       "cancelled",
};

constexpr std::array<const char*, kVerbs> kVerbNames = {
    "block",  "unblock", "hold",     "approve", "refuse", "enqueue", "assign", "start",  "review",
    "accept", "reject",  "complete", "release", "fail",   "retry",   "bury",   "cancel",
};

using Row = std::array<std::optional<State>, kVerbs>;
using Table = std::array<Row, kStates>;

// The life cycle. What is not written here is illegal.
constexpr Table life_cycle() {
  Table table{};
  auto edge = [&table](State from, Verb verb, State to) {
    table[static_cast<size_t>(from)][static_cast<size_t>(verb)] = to;
  };
  using S = State;
  using V = Verb;
  edge(S::created, V::block, S::blocked);
  edge(S::created, V::hold, S::awaiting_approval);
  edge(S::created, V::enqueue, S::queued);
  edge(S::created, V::cancel, S::cancelled);
  edge(S::blocked, V::unblock, S::queued);
  edge(S::blocked, V::hold, S::awaiting_approval);
  edge(S::blocked, V::cancel, S::cancelled);
  edge(S::awaiting_approval, V::approve, S::queued);
  edge(S::awaiting_approval, V::refuse, S::cancelled);
  edge(S::awaiting_approval, V::cancel, S::cancelled);
  edge(S::queued, V::assign, S::assigned);
  edge(S::queued, V::cancel, S::cancelled);
  edge(S::assigned, V::start, S::executing);
  edge(S::assigned, V::release, S::queued);
  edge(S::assigned, V::cancel, S::cancelled);
  edge(S::executing, V::complete, S::completed);
  edge(S::executing, V::review, S::reviewing);
  edge(S::executing, V::release, S::queued);
  edge(S::executing, V::fail, S::failed);
  edge(S::executing, V::cancel, S::cancelled);
  edge(S::reviewing, V::accept, S::completed);
  edge(S::reviewing, V::reject, S::queued);
  edge(S::reviewing, V::fail, S::failed);
  edge(S::reviewing, V::cancel, S::cancelled);
  edge(S::failed, V::retry, S::queued);
  edge(S::failed, V::bury, S::dead_letter);
  edge(S::failed, V::cancel, S::cancelled);
  edge(S::dead_letter, V::retry, S::queued);
  edge(S::cancelled, V::retry, S::created);
  return table;
}

constexpr Table kLifeCycle = life_cycle();

}  // namespace

std::optional<State> next_state(State from, Verb verb) {
  return kLifeCycle.at(static_cast<size_t>(from)).at(static_cast<size_t>(verb));
}

bool is_final(State state) {
  return state == State::completed || state == State::dead_letter || state == State::cancelled;
}

const char* name(State state) {
  return kStateNames.at(static_cast<size_t>(state));
}

const char* name(Verb verb) {
  return kVerbNames.at(static_cast<size_t>(verb));
}

std::vector<std::string> state_names() {
  return {kStateNames.begin(), kStateNames.end()};
}

std::optional<State> state_from_name(std::string_view text) {
  for (size_t i = 0; i < kStateNames.size(); ++i) {
    if (text == kStateNames[i]) return static_cast<State>(i);
  }
  return std::nullopt;
}

}  // namespace clade::queue
