#include "run/recording.h"

#include "base/codec.h"
#include "run/argument.h"
#include "run/journal.h"
#include "run/status.h"

namespace clade::run {
namespace {

tl::unexpected<Error> not_recorded(int64_t run, const std::string& why) {
  return failure("not_recorded", "run " + std::to_string(run) + " cannot be replayed: " + why);
}

}  // namespace

Result<Value> read_state(store::Database& database, const std::string& hash) {
  if (hash.empty()) return Value();
  auto query = database.prepare("SELECT content FROM state WHERE hash = ?");
  query.bind(1, hash);
  auto row = query.step();
  if (!row) return failure(row.error());
  if (!*row) return failure("not_found", "the state that it began with is not in the store any more");
  return decode_json(query.text(0));
}

Result<Recording> read_recording(store::Database& database, const store::Blobs& blobs, int64_t run) {
  Recording recording;
  Trigger trigger = Trigger::task;
  int64_t attempt = 0;
  std::string state;
  std::string task_error;
  {
    auto query = database.prepare(
        "SELECT agent, version, pins, trigger_kind, trigger_id, attempt, seed, started_at, status, error, "
        "state, state_version, task_error, recorded, omitted, state_after, result, role, "
        "(SELECT schema FROM version WHERE hash = state_version) "
        "FROM run WHERE id = ?");
    query.bind(1, run);
    auto row = query.step();
    if (!row) return failure(row.error());
    if (!*row) return failure("not_found", "no run " + std::to_string(run) + ": see `clade run list`");
    recording.agent = query.text(0);
    recording.version = query.text(1);
    auto pins = decode_json(query.text(2));
    if (!pins) return failure("corrupt", "the pins of run " + std::to_string(run) + " are damaged");
    recording.pins = std::move(*pins);
    trigger = query.text(3) == "task" ? Trigger::task : Trigger::mail;
    recording.trigger = query.text(4);
    attempt = query.integer(5);
    recording.invocation.run = run;
    recording.invocation.handler = trigger == Trigger::task ? "on_task" : "on_mail";
    recording.invocation.seed = query.integer(6);
    recording.invocation.now_ms = query.integer(7);
    recording.status = query.text(8);
    recording.error = query.text(9);
    state = query.text(10);
    recording.state_version = query.text(11);
    task_error = query.text(12);
    if (recording.status == name(RunStatus::running))
      return not_recorded(run, "it has not ended; try again when it has");
    if (query.text(3) == "ephemeral")
      return not_recorded(run, "it handled an ephemeral message, " + recording.trigger +
                                   ", which no store keeps; mail that is sent without `ephemeral` is kept, "
                                   "and so its runs can be replayed");
    if (query.integer(13) == 0)
      return not_recorded(run,
                          "what it was given and answered was not kept: an older clade ran it, or it ended "
                          "with its host");
    if (const int64_t omitted = query.integer(14); omitted > 0)
      return not_recorded(run, "it read " + std::to_string(omitted >> 20) +
                                   " MB of shared state, more than is kept of a run");
    recording.state_after = query.text(15);
    recording.result = query.text(16);
    recording.role = query.text(17);
    recording.invocation.from_schema = query.integer(18);
  }
  auto before = read_state(database, state);
  if (!before) return not_recorded(run, before.error().message);
  recording.invocation.state = std::move(*before);
  // Whether the script has a `migrate` is for the cell to see.
  if (recording.state_version != recording.version)
    recording.invocation.from_version = recording.state_version;
  auto argument = past_argument(database, trigger, recording.trigger, attempt, task_error);
  if (!argument) return not_recorded(run, argument.error().message);
  recording.invocation.argument = std::move(*argument);
  auto journal = Journal::load(database, blobs, run);
  if (!journal) return failure(journal.error());
  for (const auto& [place, entry] : journal->entries()) {
    const bool known =
        entry.status == Journal::Entry::Status::done || entry.status == Journal::Entry::Status::error;
    recording.answers.push_back({place.first, place.second, entry.op, entry.args, known, entry.result,
                                 entry.finished_at, entry.turn});
  }
  return recording;
}

}  // namespace clade::run
