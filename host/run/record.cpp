#include "run/record.h"

#include <utility>

#include "base/codec.h"

namespace clade::run {
namespace {

// The columns that change with a run's end.
struct Ending {
  std::string status;
  std::string error;
  int64_t finished_at = 0;
  bool recorded = false;
  size_t omitted = 0;
  std::string state_after;
  std::string result;
  Usage usage;
  int64_t emitted = 0;
};
const std::string kEndingColumns =
    "status, error, finished_at, recorded, omitted, state_after, result, cpu_us, memory_bytes, emitted";
constexpr int kEndings = 10;  // columns

void bind(store::Statement& statement, const Ending& ending) {
  statement.bind(1, ending.status).bind(2, ending.error).bind(3, ending.finished_at);
  statement.bind(4, ending.recorded ? 1 : 0).bind(5, static_cast<int64_t>(ending.omitted));
  statement.bind(6, ending.state_after).bind(7, ending.result).bind(8, ending.usage.cpu_us);
  statement.bind(9, ending.usage.memory_bytes).bind(10, ending.emitted);
}

Ending ending_of(Run& run, RunStatus status, const std::string& error, int64_t now, store::Batch& batch) {
  Ending ending;
  ending.status = name(status);
  ending.error = error;
  if (status == RunStatus::running) return ending;
  ending.finished_at = now;
  ending.recorded = true;
  ending.omitted = run.journal.keep_reads(kMostKeptReads, batch);
  ending.state_after = run.state_after;
  ending.result = run.result;
  if (status != RunStatus::committed) return ending;
  ending.usage = run.usage;
  ending.emitted = run.emitted;
  return ending;
}

}  // namespace

void record_run(Run& run, RunStatus status, const std::string& error, int64_t now, store::Batch& batch) {
  Ending ending = ending_of(run, status, error, now, batch);
  if (run.recorded) {
    batch.add([id = run.id, ending = std::move(ending)](store::Database& database) {
      auto update = database.prepare("UPDATE run SET (" + kEndingColumns +
                                     ") = (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) WHERE id = ?");
      bind(update, ending);
      return update.bind(kEndings + 1, id).run();
    });
    return;
  }
  run.recorded = true;
  keep_state(*run.state, batch);
  batch.add([id = run.id, agent = run.agent, version = run.version, pins = encode_json(run.pins),
             kind = std::string(run.trigger == Trigger::task ? "task"
                                : run.ephemeral              ? "ephemeral"
                                                             : "mail"),
             trigger = run.trigger_id, attempt = run.attempt, seed = run.seed, started = run.started_at,
             state = run.state_before, state_version = run.state_version, task_error = run.task_error,
             role = run.role, ending = std::move(ending)](store::Database& database) {
    auto insert =
        database.prepare("INSERT INTO run (" + kEndingColumns +
                         ", id, agent, version, pins, trigger_kind, trigger_id, attempt, seed, "
                         "started_at, state, state_version, task_error, role) "
                         "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    bind(insert, ending);
    insert.bind(kEndings + 1, id)
        .bind(kEndings + 2, agent)
        .bind(kEndings + 3, version)
        .bind(kEndings + 4, pins);
    insert.bind(kEndings + 5, kind)
        .bind(kEndings + 6, trigger)
        .bind(kEndings + 7, attempt)
        .bind(kEndings + 8, seed);
    insert.bind(kEndings + 9, started).bind(kEndings + 10, state).bind(kEndings + 11, state_version);
    insert.bind(kEndings + 12, task_error).bind(kEndings + 13, role);
    return insert.run();
  });
}

}  // namespace clade::run
