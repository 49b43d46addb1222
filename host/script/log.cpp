#include "script/log.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/bytes.h"
#include "base/clock.h"
#include "script/history.h"
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

std::string count_of(const Value& runs) {
  return std::to_string(runs.as_integer()) + (runs.as_integer() == 1 ? " run" : " runs");
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
  // A text that was saved back as it had been confirmed is on probation no more.
  const bool is_newest =
      std::none_of(events.begin(), events.begin() + static_cast<std::ptrdiff_t>(index),
                   [](const Value& newer) { return is_adoption(newer["verb"].as_string()); });
  if (!is_newest || now.hash != event["hash"].as_string()) return version.set("verdict", "replaced");
  return version.set("verdict", now.install != 0 ? "on probation" : "confirmed");
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

std::string why_text(const Value& log) {
  const std::string name = log["name"].as_string();
  const std::string current = short_hash(log["current"].as_string());
  std::string text = name + " is at version " + current + ".";
  const auto& versions = log["versions"].as_array();
  if (versions.empty()) return text;
  const Value& newest = versions.front();
  const std::string hash = short_hash(newest["hash"].as_string());
  const std::string& verdict = newest["verdict"].as_string();
  const std::string at = format_time(newest["at"].as_integer());
  const std::string& by = newest["by"].as_string();
  const std::string whose = newest["origin"].as_string() == "file" ? "a saved file" : "by " + by;
  const std::string reason = newest["reason"].as_string();
  if (verdict == "refused")
    return text + " Version " + hash + ", " + whose + ", was tried at " + at + " and refused: " + reason;
  if (newest["origin"].as_string() == "rolled_back")
    return text + " " + by + " went back to it at " + at + ".";
  text += " Version " + hash + ", " + whose + ", became current at " + at;
  if (verdict == "on probation") {
    return text + " and is on probation: if it fails, " + short_hash(log["before"].as_string()) +
           " is in force again.";
  }
  if (verdict == "confirmed")
    return text + (newest.has("runs") ? " and was confirmed after " + count_of(newest["runs"]) + "." : ".");
  text += " and was on probation";
  if (newest.has("runs")) text += "; " + count_of(newest["runs"]) + " later";
  text += (verdict == "undone" ? " it was undone, at " : " it was cut off, at ") +
          format_time(newest["decided_at"].as_integer()) + ": " + (verdict == "undone" ? "it " : "") + reason;
  if (verdict == "undone") {
    text += "\nIts text is not accepted again, unless a person says `clade script install " + name +
            " --force`. " + "`clade script diff " + name + " " + current + " " + hash +
            "` shows what it had changed.";
  }
  return text;
}

}  // namespace clade::script
