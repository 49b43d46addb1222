// Runs as the store has them, for people and other processes.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/value.h"
#include "store/blob.h"
#include "store/database.h"

namespace clade::run {

// Which runs; an empty text means any.
struct RunFilter {
  std::string agent;  // instance, as "builder" or "tester-2"
  std::string status;
  std::string trigger;  // id of the task or message that it handles
};

// Runs, newest first, at most `limit`: [{id, agent, version, trigger: task|mail|ephemeral, trigger_id,
// attempt, status, started_at, finished_at (0 while it runs), error}], times in ms since 1970. Errors: those
// of Statement.
Result<Value> list_runs(store::Database& database, const RunFilter& filter, int64_t limit);

// One run: the fields above and seed, pins = {skill → hash}, journal = [{strand, position, op, args, status:
// started|done|error|cancelled, result or error = {code, message}, started_at, finished_at}] in order of
// time, and the tasks, mail, proposals and files that it committed: effects = [{kind, id, text}]. Nil if
// unknown. Errors: those of Statement, "corrupt".
Result<Value> run_with_journal(store::Database& database, const store::Blobs& blobs, int64_t id);

}  // namespace clade::run
