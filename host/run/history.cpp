#include "run/history.h"

#include <utility>

#include "base/codec.h"
#include "run/journal.h"

namespace clade::run {
namespace {

const std::string kColumns =
    "id, agent, version, trigger_kind, trigger_id, attempt, status, started_at, finished_at, error";

Value read_run(store::Statement& query) {
  return Value{{"id", query.integer(0)},          {"agent", query.text(1)},
               {"version", query.text(2)},        {"trigger", query.text(3)},
               {"trigger_id", query.text(4)},     {"attempt", query.integer(5)},
               {"status", query.text(6)},         {"started_at", query.integer(7)},
               {"finished_at", query.integer(8)}, {"error", query.text(9)}};
}

Error damaged(int64_t run) {
  return {"corrupt", "the journal of run " + std::to_string(run) + " is damaged"};
}

Result<Value> read_journal(store::Database& database, const store::Blobs& blobs, int64_t run) {
  Value::Array entries;
  auto query = database.prepare(
      "SELECT strand, position, op, args, status, result, started_at, finished_at, result_blob FROM journal "
      "WHERE run = ?1 ORDER BY started_at, strand, position");
  query.bind(1, run);
  for (;;) {
    auto row = query.step();
    if (!row) return failure(row.error());
    if (!*row) return Value(std::move(entries));
    auto args = decode_msgpack(query.text(3));
    if (!args) return failure(damaged(run));
    Value entry{
        {"strand", query.text(0)},        {"position", query.integer(1)}, {"op", query.text(2)},
        {"args", std::move(*args)},       {"status", query.text(4)},      {"started_at", query.integer(6)},
        {"finished_at", query.integer(7)}};
    if (query.text(4) != "started") {
      auto result = stored_result(query, 5, 8, blobs);
      if (!result) return failure(damaged(run));
      entry.set(query.text(4) == "done" ? "result" : "error", std::move(*result));
    }
    entries.push_back(std::move(entry));
  }
}

// What a run committed, by kind: (id, text). Ids are "r<run>.<n>" (Outbox), so that a primary key finds them.
struct EffectTable {
  const char* kind;
  const char* sql;
};
const std::string kByNumber =
    " WHERE id > 'r' || ?1 || '.' AND id < 'r' || ?1 || '/' ORDER BY length(id), id";
const EffectTable kEffects[] = {
    {"task", "SELECT id, type FROM task"},
    {"mail", "SELECT id, kind || ' to ' || address FROM message"},
    {"proposal", "SELECT id, title FROM proposal"},
};
constexpr const char* kFiles =
    "SELECT path, CASE done WHEN 0 THEN 'not written yet' WHEN 1 THEN 'written' ELSE 'given up' END "
    "FROM file_write WHERE run = ?1 ORDER BY seq";

Status add_effects(store::Database& database, const std::string& kind, const std::string& sql, int64_t run,
                   Value::Array& effects) {
  auto query = database.prepare(sql);
  query.bind(1, run);
  for (;;) {
    auto row = query.step();
    if (!row) return failure(row.error());
    if (!*row) return {};
    effects.push_back(Value{{"kind", kind}, {"id", query.text(0)}, {"text", query.text(1)}});
  }
}

Result<Value> read_effects(store::Database& database, int64_t run) {
  Value::Array effects;
  for (const auto& [kind, sql] : kEffects) {
    if (auto status = add_effects(database, kind, sql + kByNumber, run, effects); !status)
      return failure(status.error());
  }
  if (auto status = add_effects(database, "file", kFiles, run, effects); !status)
    return failure(status.error());
  return Value(std::move(effects));
}

}  // namespace

Result<Value> list_runs(store::Database& database, const RunFilter& filter, int64_t limit) {
  Value::Array runs;
  auto query = database.prepare("SELECT " + kColumns +
                                " FROM run WHERE (?1 = '' OR agent = ?1) AND (?2 = '' OR status = ?2) AND "
                                "(?3 = '' OR trigger_id = ?3) ORDER BY id DESC LIMIT ?4");
  query.bind(1, filter.agent).bind(2, filter.status).bind(3, filter.trigger).bind(4, limit);
  for (;;) {
    auto row = query.step();
    if (!row) return failure(row.error());
    if (!*row) return Value(std::move(runs));
    runs.push_back(read_run(query));
  }
}

Result<Value> run_with_journal(store::Database& database, const store::Blobs& blobs, int64_t id) {
  auto query = database.prepare("SELECT " + kColumns + ", seed, pins FROM run WHERE id = ?1");
  query.bind(1, id);
  auto row = query.step();
  if (!row) return failure(row.error());
  if (!*row) return Value();
  Value run = read_run(query);
  run.set("seed", query.integer(10));
  auto pins = decode_json(query.text(11));
  if (!pins) return failure("corrupt", "the pins of run " + std::to_string(id) + " are damaged");
  run.set("pins", std::move(*pins));
  auto journal = read_journal(database, blobs, id);
  if (!journal) return failure(journal.error());
  run.set("journal", std::move(*journal));
  auto effects = read_effects(database, id);
  if (!effects) return failure(effects.error());
  run.set("effects", std::move(*effects));
  return run;
}

}  // namespace clade::run
