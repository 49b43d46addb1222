// Task and its life cycle as a table.
//
//   submit ─► created ─ enqueue ─► queued ─ assign ─► assigned ─ start ─► executing ─ complete ─► completed
//   created ─ block ─► blocked ─ unblock ─► queued
//   created, blocked ─ hold ─► awaiting_approval ─ approve ─► queued
//                              awaiting_approval ─ refuse ──► cancelled
//   executing ─ review ─► reviewing ─ accept ─► completed
//                         reviewing ─ reject ─► queued
//                         reviewing ─ fail ───► failed        (rejected, and no attempt is left)
//   executing ─ fail ─► failed ─ retry ─► queued
//                       failed ─ bury ──► dead_letter ─ retry ─► queued
//   assigned, executing ─ release ─► queued
//   every state that is not final ─ cancel ─► cancelled ─ retry ─► created        (it passes its gates again)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/value.h"

namespace clade::queue {

enum class State {
  created,
  blocked,
  awaiting_approval,
  queued,
  assigned,
  executing,
  reviewing,
  completed,
  failed,
  dead_letter,
  cancelled,
};
inline constexpr int kStates = 11;

enum class Verb {
  block,
  unblock,
  hold,
  approve,
  refuse,
  enqueue,
  assign,
  start,
  review,
  accept,
  reject,
  complete,
  release,
  fail,
  retry,
  bury,
  cancel
};
inline constexpr int kVerbs = 17;

// The state after `verb`, or nothing if the edge is illegal: the one table of the life cycle.
std::optional<State> next_state(State from, Verb verb);
// completed, dead_letter, cancelled: nothing happens any more by itself.
bool is_final(State state);
// As written in the store and on the command line: "awaiting_approval", "dead_letter", …
const char* name(State state);
const char* name(Verb verb);
// All of them, in the order of the life cycle.
std::vector<std::string> state_names();
// The opposite; nothing for any other text.
std::optional<State> state_from_name(std::string_view text);

struct Task {
  std::string id;
  std::string type;  // "test_product"; routes to roles by pattern
  State state = State::created;
  int priority = 5;  // 1 … 10, 10 first
  Value payload;
  Value result;
  std::string parent;              // task whose run submitted it; "" from an operator
  int64_t run = 0;                 // run that submitted it; 0 from an operator
  std::vector<std::string> after;  // ids it depends on
  std::string approval;            // question for a person; "" for none
  std::string reviewer;            // id of the review task while reviewing
  int attempt = 0;                 // attempts begun
  int max_attempts = 3;
  std::string error;       // of the last attempt
  int64_t created_at = 0;  // ms since 1970
  int64_t updated_at = 0;
  int64_t due_at = 0;  // not claimed before (backoff); ms since 1970
  // The lease: who may write to it now.
  int64_t lease_run = 0;
  int64_t lease_epoch = 0;  // grows with every lease: the fencing token is (run, epoch)
  int64_t lease_until = 0;
  int64_t seq = 0;  // its age: grows with every submission, also over restarts; 0 before it is submitted
};

// The fencing token of a claimant.
struct Lease {
  int64_t run = 0;
  int64_t epoch = 0;
  bool operator==(const Lease&) const = default;
};

}  // namespace clade::queue
