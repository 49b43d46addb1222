#include "run/task_story.h"

#include <algorithm>
#include <map>
#include <utility>

#include "queue/history.h"
#include "run/history.h"

namespace clade::run {
namespace {

constexpr int64_t kAllRuns = INT64_MAX;
constexpr const char* kAsk = "ask";

Result<Value::Array> read_runs(store::Database& database, const store::Blobs& blobs, const std::string& id) {
  auto found = list_runs(database, RunFilter{"", "", id}, kAllRuns);
  if (!found) return failure(found.error());
  Value::Array runs;
  for (const Value& one : found->as_array()) {
    if (one["trigger"].as_string() != "task") continue;
    auto run = run_with_journal(database, blobs, one["id"].as_integer());
    if (!run) return failure(run.error());
    // A host may be at work meanwhile.
    if (!run->is_nil()) runs.push_back(std::move(*run));
  }
  std::reverse(runs.begin(), runs.end());
  return runs;
}

// By the id of the message that asks (awaits.cpp): what became of it.
std::map<std::string, std::string> asks_of(const Value& run) {
  std::map<std::string, std::string> asks;
  const std::string prefix = "r" + std::to_string(run["id"].as_integer()) + ".ask.";
  for (const Value& entry : run["journal"].as_array()) {
    if (entry["op"].as_string() != kAsk) continue;
    const std::string id =
        prefix + entry["strand"].as_string() + "." + std::to_string(entry["position"].as_integer());
    const std::string& status = entry["status"].as_string();
    asks[id] = status == "done"    ? "answered"
               : status == "error" ? entry["error"]["code"].as_string()
                                   : "waits";
  }
  return asks;
}

Status add_messages(store::Database& database, const Value& run, Value::Array& messages) {
  const auto asks = asks_of(run);
  auto query = database.prepare(
      "SELECT id, address, kind, state FROM message WHERE id > 'r' || ?1 || '.' AND id < 'r' || ?1 || '/' "
      "ORDER BY seq");
  query.bind(1, run["id"].as_integer());
  for (;;) {
    auto row = query.step();
    if (!row) return failure(row.error());
    if (!*row) return {};
    Value message{{"id", query.text(0)},
                  {"run", run["id"]},
                  {"to", query.text(1)},
                  {"kind", query.text(2)},
                  {"state", query.text(3)}};
    if (const auto ask = asks.find(query.text(0)); ask != asks.end()) message.set("ask", ask->second);
    messages.push_back(std::move(message));
  }
}

Status add_files(store::Database& database, const Value& run, Value::Array& files) {
  auto query = database.prepare(
      "SELECT path, bytes, CASE done WHEN 0 THEN 'not written yet' WHEN 1 THEN 'written' ELSE 'given up' END "
      "FROM file_write WHERE run = ?1 ORDER BY seq");
  query.bind(1, run["id"].as_integer());
  for (;;) {
    auto row = query.step();
    if (!row) return failure(row.error());
    if (!*row) return {};
    files.push_back(Value{{"path", query.text(0)},
                          {"run", run["id"]},
                          {"bytes", query.is_null(1) ? Value() : Value(query.integer(1))},
                          {"state", query.text(2)}});
  }
}

Result<Value> read_used(store::Database& database, const std::string& id) {
  auto query = database.prepare(
      "SELECT count(*), coalesce(sum(units), 0), coalesce(sum(cpu_us), 0), coalesce(sum(wall_us), 0) "
      "FROM ledger WHERE task = ?1");
  query.bind(1, id);
  if (auto row = query.step(); !row) return failure(row.error());
  return Value{{"effects", query.integer(0)},
               {"units", query.integer(1)},
               {"cpu_us", query.integer(2)},
               {"wall_us", query.integer(3)}};
}

}  // namespace

Result<Value> task_story(store::Database& database, const store::Blobs& blobs, const std::string& id) {
  auto story = queue::task_with_history(database, id);
  if (!story || story->is_nil()) return story;
  auto runs = read_runs(database, blobs, id);
  if (!runs) return failure(runs.error());
  Value::Array messages;
  Value::Array files;
  for (const Value& run : *runs) {
    if (auto status = add_messages(database, run, messages); !status) return failure(status.error());
    if (auto status = add_files(database, run, files); !status) return failure(status.error());
  }
  auto used = read_used(database, id);
  if (!used) return failure(used.error());
  story->set("runs", std::move(*runs)).set("messages", std::move(messages));
  story->set("files", std::move(files)).set("used", std::move(*used));
  return story;
}

}  // namespace clade::run
