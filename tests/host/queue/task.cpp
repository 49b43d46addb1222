#include "queue/task.h"

#include <set>
#include <string>

#include <catch2/catch.hpp>

#include "queue/history.h"

namespace clade::queue {
namespace {

// The legal edges, written down from the drawing in task.h, not from the table.
struct Edge {
  const char* from;
  const char* verb;
  const char* to;
};
constexpr Edge kLegal[] = {
    {"created", "block", "blocked"},
    {"created", "hold", "awaiting_approval"},
    {"created", "enqueue", "queued"},
    {"blocked", "unblock", "queued"},
    {"blocked", "hold", "awaiting_approval"},
    {"awaiting_approval", "approve", "queued"},
    {"awaiting_approval", "refuse", "cancelled"},
    {"queued", "assign", "assigned"},
    {"assigned", "start", "executing"},
    {"assigned", "release", "queued"},
    {"executing", "complete", "completed"},
    {"executing", "review", "reviewing"},
    {"executing", "release", "queued"},
    {"executing", "fail", "failed"},
    {"reviewing", "accept", "completed"},
    {"reviewing", "reject", "queued"},
    {"reviewing", "fail", "failed"},
    {"failed", "retry", "queued"},
    {"failed", "bury", "dead_letter"},
    {"dead_letter", "retry", "queued"},
    {"cancelled", "retry", "created"},
    {"created", "cancel", "cancelled"},
    {"blocked", "cancel", "cancelled"},
    {"awaiting_approval", "cancel", "cancelled"},
    {"queued", "cancel", "cancelled"},
    {"assigned", "cancel", "cancelled"},
    {"executing", "cancel", "cancelled"},
    {"reviewing", "cancel", "cancelled"},
    {"failed", "cancel", "cancelled"},
};

TEST_CASE("every edge of the life cycle is legal or illegal as drawn") {
  size_t legal = 0;
  for (int s = 0; s < kStates; ++s) {
    for (int v = 0; v < kVerbs; ++v) {
      const auto from = static_cast<State>(s);
      const auto verb = static_cast<Verb>(v);
      std::string expected = "illegal";
      for (const auto& edge : kLegal) {
        if (std::string(edge.from) == name(from) && std::string(edge.verb) == name(verb)) expected = edge.to;
      }
      const auto to = next_state(from, verb);
      INFO(name(from) << " × " << name(verb));
      CHECK((to ? name(*to) : "illegal") == expected);
      legal += to.has_value();
    }
  }
  CHECK(legal == std::size(kLegal));
}

TEST_CASE("states and verbs have one name each, and states are found by it") {
  std::set<std::string> names;
  for (int s = 0; s < kStates; ++s) {
    const auto state = static_cast<State>(s);
    names.insert(name(state));
    CHECK(state_from_name(name(state)) == state);
  }
  CHECK(names.size() == kStates);
  names.clear();
  for (int v = 0; v < kVerbs; ++v) names.insert(name(static_cast<Verb>(v)));
  CHECK(names.size() == kVerbs);
  CHECK_FALSE(state_from_name("Queued"));
  CHECK_FALSE(state_from_name(""));
}

TEST_CASE("three states are final, and nothing but an operator's retry leaves them") {
  for (int s = 0; s < kStates; ++s) {
    const auto state = static_cast<State>(s);
    const std::string text = name(state);
    CHECK(is_final(state) == (text == "completed" || text == "dead_letter" || text == "cancelled"));
    if (!is_final(state)) continue;
    for (int v = 0; v < kVerbs; ++v) {
      if (static_cast<Verb>(v) != Verb::retry) CHECK_FALSE(next_state(state, static_cast<Verb>(v)));
    }
  }
}

}  // namespace
}  // namespace clade::queue
