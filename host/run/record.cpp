#include "run/record.h"

#include <algorithm>
#include <utility>

#include "base/codec.h"

namespace clade::run {
namespace {

constexpr const char* kFirstStrand = "0";

// "" for a run of one strand: there the positions say it all.
std::string encode_handed(const std::vector<std::string>& handed) {
  const bool one = std::all_of(handed.begin(), handed.end(),
                               [](const std::string& strand) { return strand == kFirstStrand; });
  return one ? "" : encode_msgpack(Value::Array(handed.begin(), handed.end()));
}

// The columns that change with a run's end.
struct Ending {
  std::string status;
  std::string error;
  int64_t finished_at = 0;
  bool recorded = false;
  std::string handed;
  size_t omitted = 0;
  std::string state_after;
  std::string result;
};
const std::string kEndingColumns =
    "status, error, finished_at, recorded, handed, omitted, state_after, result";

void bind(store::Statement& statement, const Ending& ending) {
  statement.bind(1, ending.status).bind(2, ending.error).bind(3, ending.finished_at);
  statement.bind(4, ending.recorded ? 1 : 0).bind_blob(5, ending.handed);
  statement.bind(6, static_cast<int64_t>(ending.omitted)).bind(7, ending.state_after).bind(8, ending.result);
}

Ending ending_of(Run& run, RunStatus status, const std::string& error, int64_t now, store::Batch& batch) {
  Ending ending;
  ending.status = name(status);
  ending.error = error;
  if (status == RunStatus::running) return ending;
  ending.finished_at = now;
  ending.recorded = true;
  ending.handed = encode_handed(run.handed);
  ending.omitted = run.journal.keep_reads(kMostKeptReads, batch);
  ending.state_after = run.state_after;
  ending.result = run.result;
  return ending;
}

}  // namespace

void record_run(Run& run, RunStatus status, const std::string& error, int64_t now, store::Batch& batch) {
  Ending ending = ending_of(run, status, error, now, batch);
  if (run.recorded) {
    batch.add([id = run.id, ending = std::move(ending)](store::Database& database) {
      auto update =
          database.prepare("UPDATE run SET (" + kEndingColumns + ") = (?, ?, ?, ?, ?, ?, ?, ?) WHERE id = ?");
      bind(update, ending);
      return update.bind(9, id).run();
    });
    return;
  }
  run.recorded = true;
  keep_state(*run.state, batch);
  batch.add([id = run.id, agent = run.agent, version = run.version, pins = encode_json(run.pins),
             kind = std::string(run.trigger == Trigger::task ? "task" : "mail"), trigger = run.trigger_id,
             attempt = run.attempt, seed = run.seed, started = run.started_at, state = run.state_before,
             state_version = run.state_version, task_error = run.task_error, role = run.role,
             ending = std::move(ending)](store::Database& database) {
    auto insert = database.prepare("INSERT INTO run (" + kEndingColumns +
                                   ", id, agent, version, pins, trigger_kind, trigger_id, attempt, seed, "
                                   "started_at, state, state_version, task_error, role) "
                                   "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    bind(insert, ending);
    insert.bind(9, id).bind(10, agent).bind(11, version).bind(12, pins).bind(13, kind).bind(14, trigger);
    insert.bind(15, attempt).bind(16, seed).bind(17, started);
    insert.bind(18, state).bind(19, state_version).bind(20, task_error).bind(21, role);
    return insert.run();
  });
}

void answer_run(Executor& executor, Run& run, const std::string& strand, Result<Value> value) {
  run.handed.push_back(strand);
  executor.answer(run.id, strand, std::move(value));
}

}  // namespace clade::run
