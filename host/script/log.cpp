#include "script/log.h"

#include <map>
#include <set>
#include <utility>

#include "script/library.h"

namespace clade::script {
namespace {

struct InForce {
  std::string hash;
  std::string before;
  int64_t install = 0;
};

Result<InForce> in_force(store::Database& database, const std::string& name) {
  auto rows = database.prepare("SELECT hash, fallback, install FROM script WHERE name = ?");
  rows.bind(1, name);
  auto row = rows.step();
  if (!row) return failure(row.error());
  return *row ? InForce{rows.text(0), rows.text(1), rows.integer(2)} : InForce();
}

// Names by install.
Result<std::map<int64_t, std::set<std::string>>> companions(store::Database& database,
                                                            const std::string& name) {
  auto rows = database.prepare(
      "SELECT DISTINCT install, name FROM script_event WHERE install IN (SELECT install FROM script_event "
      "WHERE "
      "name = ?1 AND install <> 0) AND name <> ?1");
  rows.bind(1, name);
  std::map<int64_t, std::set<std::string>> names;
  for (;;) {
    auto row = rows.step();
    if (!row) return failure(row.error());
    if (!*row) return names;
    names[rows.integer(0)].insert(rows.text(1));
  }
}

bool is_verdict(const std::string& verb) {
  return verb == "undone" || verb == "cut_off" || verb == "confirmed";
}

std::string verdict_word(const std::string& verb) {
  return verb == "cut_off" ? "cut off" : verb;
}

bool is_adoption(const std::string& verb) {
  return verb == "imported" || verb == "published" || verb == "rolled_back";
}

// The event that decided about the version that events[adoption] made current, before another one was; or
// nullptr. The newest events come first.
const Value* verdict_on(const Value::Array& events, size_t adoption) {
  for (size_t index = adoption; index-- > 0;) {
    const std::string& verb = events[index]["verb"].as_string();
    if (is_adoption(verb)) return nullptr;
    const bool is_about =
        events[index]["hash"] == events[adoption]["hash"] && events[index]["install"].as_integer() != 0;
    if (is_about && is_verdict(verb)) return &events[index];
  }
  return nullptr;
}

Value version_of(const Value::Array& events, size_t index, const InForce& now) {
  const Value& event = events[index];
  const std::string& verb = event["verb"].as_string();
  Value version{
      {"hash", event["hash"]}, {"parent", event["parent"]}, {"by", event["by"]}, {"at", event["at"]}};
  version.set("origin", verb == "imported" || verb == "refused" ? "file" : verb);
  if (verb == "refused") return version.set("verdict", "refused").set("reason", event["detail"]["reason"]);
  if (verb == "published" && !event["detail"].as_map().empty()) version.set("lineage", event["detail"]);
  if (event["install"].as_integer() == 0) return version.set("verdict", "confirmed");
  if (const Value* verdict = verdict_on(events, index)) {
    const Value& detail = (*verdict)["detail"];
    version.set("verdict", verdict_word((*verdict)["verb"].as_string())).set("decided_at", (*verdict)["at"]);
    for (const char* key : {"reason", "runs"}) {
      if (detail.has(key)) version.set(key, detail[key]);
    }
    return version;
  }
  const bool is_current = now.hash == event["hash"].as_string() && now.install != 0;
  return version.set("verdict", is_current ? "on probation" : "replaced");
}

}  // namespace

Result<Value> script_log(store::Database& database, const std::string& name) {
  auto events = script_versions(database, name);
  if (!events) return events;
  auto now = in_force(database, name);
  if (!now) return failure(now.error());
  auto with = companions(database, name);
  if (!with) return failure(with.error());
  Value versions = Value::Array();
  const Value::Array& list = events->as_array();
  for (size_t index = 0; index < list.size(); ++index) {
    const std::string& verb = list[index]["verb"].as_string();
    if (!is_adoption(verb) && verb != "refused") continue;
    Value version = version_of(list, index, *now);
    Value names = Value::Array();
    for (const auto& other : (*with)[list[index]["install"].as_integer()]) names.push(other);
    versions.push(version.set("with", std::move(names)));
  }
  Value log{{"name", name}, {"current", now->hash}, {"versions", std::move(versions)}};
  if (!now->before.empty()) log.set("before", now->before);
  return log;
}

}  // namespace clade::script
