// Why a task is where it is: one causal chain, from the store alone. What `clade why TASK` shows.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/value.h"
#include "store/database.h"

namespace clade::queue {

// {chain, waits_for, consequences}:
//   chain         from the first ancestor down to the task: {id, type, state, attempt, max_attempts, error,
//   happened},
//                 happened = [{at, text}] in order; entries repeated at once are one, with their number
//   waits_for     [text]: what the task waits for now, each with the command that helps where there is one;
//   empty for a
//                 completed task of which nothing is open
//   consequences  [{kind = "task" | "dependent" | "proposal" | "version", id, type, state, text}]: versions
//   that were undone because of it (id: the script's name, type: the hash), tasks its runs submitted, tasks
//   that
//                 depend on it, proposals made for it
// `now_ms` is the present, in ms since 1970. Errors: "not_found", those of Statement, "corrupt". Thread: any.
Result<Value> why(store::Database& database, const std::string& id, int64_t now_ms);
// At the present of the system's clock.
Result<Value> why(store::Database& database, const std::string& id);

}  // namespace clade::queue
