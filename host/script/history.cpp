#include "script/history.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/codec.h"
#include "script/nearest.h"
#include "store/audit.h"

namespace clade::script {
namespace {

// Sorts after every hexadecimal digit: prefix ≤ hash < prefix + this.
constexpr char kPastDigits = 'g';

std::string origin_of(const std::string& verb) {
  return verb == "imported" ? "file" : verb;
}

bool is_hash_prefix(const std::string& text) {
  return !text.empty() && text.size() <= 64 &&
         text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

Value decoded(const std::string& json) {
  auto value = decode_json(json);
  return value ? std::move(*value) : Value();
}

void add_version_row(const std::string& hash, const std::string& source, int64_t at, store::Batch& batch) {
  batch.add([=](store::Database& database) {
    auto statement =
        database.prepare("INSERT OR IGNORE INTO version (hash, source, created_at) VALUES (?, ?, ?)");
    statement.bind(1, hash).bind_blob(2, source).bind(3, at);
    return statement.run();
  });
}

struct Event {
  int64_t at = 0;
  std::string name;
  std::string hash;
  std::string parent;
  std::string verb;
  std::string by;
  std::string detail;   // JSON
  int64_t install = 0;  // that it is about
};

void add_event_row(Event event, store::Batch& batch) {
  batch.add([event = std::move(event)](store::Database& database) {
    auto statement = database.prepare(
        "INSERT INTO script_event (at, name, hash, parent, verb, by, detail, install) VALUES (?, ?, ?, ?, ?, "
        "?, ?, ?)");
    statement.bind(1, event.at).bind(2, event.name).bind(3, event.hash).bind(4, event.parent);
    statement.bind(5, event.verb).bind(6, event.by).bind(7, event.detail).bind(8, event.install);
    return statement.run();
  });
  store::note_act("script_event", "", batch);
}

Status read_current(store::Database& database, History& history) {
  auto rows = database.prepare(
      "SELECT script.name, script.hash, version.source, install, fallback, before.source, paused FROM script "
      "JOIN version ON version.hash = script.hash LEFT JOIN version before ON before.hash = fallback");
  for (;;) {
    auto row = rows.step();
    if (!row) return failure(row.error());
    if (!*row) return {};
    Version version;
    version.name = rows.text(0);
    version.hash = rows.text(1);
    version.source = rows.text(2);
    if (rows.integer(3) != 0) {
      History::Trial trial{version.name, rows.integer(3), std::nullopt, rows.integer(6) != 0};
      if (!rows.text(4).empty() && rows.is_null(5))
        return failure("corrupt",
                       "the version that " + version.name + " would go back to is not in the store");
      if (!rows.text(4).empty()) {
        trial.before.emplace();
        trial.before->name = version.name;
        trial.before->hash = rows.text(4);
        trial.before->source = rows.text(5);
      }
      history.trials.push_back(std::move(trial));
    }
    history.current.emplace(version.name, std::move(version));
  }
}

// A version as the event that made it current tells of it.
void tell(Version& version, store::Statement& event) {
  const std::string verb = event.text(4);
  version.parent = event.text(3);
  version.origin = origin_of(verb);
  version.lineage = verb == "published" ? decoded(event.text(5)) : Value();
  version.created_at = event.integer(0);
}

Status read_events(store::Database& database, History& history) {
  // Only what a version in force says of itself is needed whole: lineages of long evolutions stay on disk.
  auto rows = database.prepare(
      "SELECT at, event.name, event.hash, parent, verb, CASE WHEN event.hash IN (script.hash, fallback) THEN "
      "detail ELSE '' END, event.install "
      "FROM script_event event LEFT JOIN script ON script.name = event.name ORDER BY seq");
  std::map<std::string, Version*> before;
  for (auto& trial : history.trials) {
    if (trial.before) before.emplace(trial.name, &*trial.before);
  }
  std::map<std::string, std::set<std::string>> refused_since;
  std::map<std::string, std::string> origins;  // of the version that was made current last, by name
  for (;;) {
    auto row = rows.step();
    if (!row) return failure(row.error());
    if (!*row) break;
    const std::string name = rows.text(1);
    const std::string hash = rows.text(2);
    const std::string verb = rows.text(4);
    history.last_install = std::max(history.last_install, rows.integer(6));
    if (verb == "undone") history.undone[name].insert(hash);
    // What a person wrote stays in its file, and what an agent wrote goes.
    if ((verb == "undone" || verb == "cut_off") && origins[name] != "file") history.stale[name].insert(hash);
    if (verb == "refused" || verb == "undone" || verb == "cut_off") {
      history.refused[name].insert(hash);
      refused_since[name].insert(hash);
      continue;
    }
    if (!is_adoption(verb)) continue;
    origins[name] = origin_of(verb);
    history.undone[name].erase(hash);
    auto& stale = history.stale[name];
    if (verb == "imported") {
      stale.clear();
    } else {
      stale.insert(rows.text(3));
      stale.merge(refused_since[name]);
    }
    stale.erase(hash);
    refused_since[name].clear();
    history.refused[name].erase(hash);
    const auto current = history.current.find(name);
    if (current != history.current.end() && current->second.hash == hash) tell(current->second, rows);
    const auto replaced = before.find(name);
    if (replaced != before.end() && replaced->second->hash == hash) tell(*replaced->second, rows);
  }
  return {};
}

}  // namespace

bool is_adoption(const std::string& verb) {
  return verb == "imported" || verb == "published" || verb == "rolled_back";
}

Result<History> read_history(store::Database& database) {
  History history;
  if (auto status = read_current(database, history); !status) return failure(status.error());
  if (auto status = read_events(database, history); !status) return failure(status.error());
  auto rows = database.prepare("SELECT hash, schema FROM version WHERE schema <> 1");
  for (;;) {
    auto row = rows.step();
    if (!row) return failure(row.error());
    if (!*row) return history;
    history.schemas.emplace(rows.text(0), rows.integer(1));
  }
}

void record_adoption(const Version& version, const std::string& verb, const std::string& by, Value detail,
                     int64_t install, store::Batch& batch) {
  add_version_row(version.hash, version.source, version.created_at, batch);
  batch.add([name = version.name, hash = version.hash](store::Database& database) {
    auto statement = database.prepare(
        "INSERT INTO script (name, hash) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET hash = "
        "excluded.hash");
    statement.bind(1, name).bind(2, hash);
    return statement.run();
  });
  const std::string json = encode_json(detail.is_nil() ? Value(Value::Map()) : detail);
  add_event_row({version.created_at, version.name, version.hash, version.parent, verb, by, json, install},
                batch);
}

void record_refusal(const Version& candidate, const std::string& by, const std::string& reason, int64_t at,
                    store::Batch& batch) {
  add_version_row(candidate.hash, candidate.source, at, batch);
  Value detail;
  detail.set("reason", reason);
  add_event_row({at, candidate.name, candidate.hash, candidate.parent, "refused", by, encode_json(detail), 0},
                batch);
}

void record_return(const Version& version, const Version& before, const std::string& verb,
                   const Value& detail, int64_t install, int64_t at, store::Batch& batch) {
  batch.add([name = version.name, hash = before.hash](store::Database& database) {
    auto update = database.prepare("UPDATE script SET hash = ? WHERE name = ?");
    return update.bind(1, hash).bind(2, name).run();
  });
  add_event_row({at, version.name, version.hash, before.hash, verb, "host", encode_json(detail), install},
                batch);
}

void record_schema(const std::string& hash, int64_t schema, store::Batch& batch) {
  batch.add([hash, schema](store::Database& database) {
    auto update = database.prepare("UPDATE version SET schema = ? WHERE hash = ?");
    return update.bind(1, schema).bind(2, hash).run();
  });
}

void record_standing(const StandingEvent& event, store::Batch& batch) {
  add_event_row(
      {event.at, event.name, event.hash, "", event.verb, event.by, encode_json(event.detail), event.install},
      batch);
}

Result<std::string> adopted_hash(store::Database& database, const std::string& name,
                                 const std::string& prefix) {
  const std::string seen = "see `clade script show " + name + "`";
  const std::string end = prefix + kPastDigits;
  std::set<std::string> hashes;
  if (is_hash_prefix(prefix)) {
    auto rows = database.prepare(
        "SELECT DISTINCT hash FROM script_event WHERE name = ? AND hash >= ? AND hash < ? "
        "AND verb IN ('imported', 'published', 'rolled_back')");
    rows.bind(1, name).bind(2, prefix).bind(3, end);
    for (;;) {
      auto row = rows.step();
      if (!row) return failure(row.error());
      if (!*row) break;
      hashes.insert(rows.text(0));
    }
  }
  if (hashes.empty()) return failure("not_found", name + " never ran a version \"" + prefix + "\": " + seen);
  if (hashes.size() > 1) {
    return failure("ambiguous", std::to_string(hashes.size()) + " versions of " + name + " begin with " +
                                    prefix + ": give more digits, " + seen);
  }
  return *hashes.begin();
}

Result<std::string> parent_of(store::Database& database, const std::string& name, const std::string& hash) {
  auto rows = database.prepare(
      "SELECT parent FROM script_event WHERE name = ? AND hash = ? AND verb IN ('imported', 'published') "
      "ORDER BY seq DESC LIMIT 1");
  rows.bind(1, name).bind(2, hash);
  auto row = rows.step();
  if (!row) return failure(row.error());
  return *row ? rows.text(0) : std::string();
}

Result<Value> list_scripts(store::Database& database) {
  auto rows = database.prepare(
      "SELECT script.name, script.hash,"
      " (SELECT count(DISTINCT hash) FROM script_event WHERE name = script.name"
      "   AND verb IN ('imported', 'published', 'rolled_back')),"
      " (SELECT verb FROM script_event WHERE name = script.name AND hash = script.hash"
      "   AND verb IN ('imported', 'published', 'rolled_back') ORDER BY seq DESC LIMIT 1),"
      " (SELECT at FROM script_event WHERE name = script.name AND hash = script.hash"
      "   AND verb IN ('imported', 'published', 'rolled_back') ORDER BY seq DESC LIMIT 1)"
      ", fallback, install FROM script ORDER BY script.name");
  Value out = Value::Array();
  for (;;) {
    auto row = rows.step();
    if (!row) return failure(row.error());
    if (!*row) return out;
    Value script;
    script.set("name", rows.text(0)).set("hash", rows.text(1)).set("versions", rows.integer(2));
    script.set("origin", origin_of(rows.text(3))).set("changed_at", rows.integer(4));
    if (rows.integer(6) != 0) script.set("install", rows.integer(6)).set("before", rows.text(5));
    out.push(std::move(script));
  }
}

Result<Value> script_versions(store::Database& database, const std::string& name) {
  Value out = Value::Array();
  {
    auto rows = database.prepare(
        "SELECT hash, parent, verb, by, at, detail, install FROM script_event WHERE name = ? ORDER BY seq "
        "DESC");
    rows.bind(1, name);
    for (;;) {
      auto row = rows.step();
      if (!row) return failure(row.error());
      if (!*row) break;
      Value event;
      event.set("hash", rows.text(0))
          .set("parent", rows.text(1))
          .set("verb", rows.text(2))
          .set("by", rows.text(3));
      event.set("at", rows.integer(4)).set("detail", decoded(rows.text(5))).set("install", rows.integer(6));
      out.push(std::move(event));
    }
  }
  if (!out.as_array().empty()) return out;
  auto scripts = list_scripts(database);
  if (!scripts) return failure(scripts.error());
  std::vector<std::string> names;
  for (const auto& script : scripts->as_array()) names.push_back(script["name"].as_string());
  return failure("not_found",
                 "no script \"" + name + "\"" + did_you_mean(name, names) + ": see `clade script list`");
}

Result<std::string> version_source(store::Database& database, const std::string& hash) {
  const std::string missing =
      "no version \"" + hash + "\": see `clade script list` and `clade script show NAME`";
  if (!is_hash_prefix(hash)) return failure("not_found", missing);
  const std::string end = hash + kPastDigits;
  auto rows = database.prepare("SELECT source FROM version WHERE hash >= ? AND hash < ? LIMIT 2");
  rows.bind(1, hash).bind(2, end);
  auto row = rows.step();
  if (!row) return failure(row.error());
  if (!*row) return failure("not_found", missing);
  std::string source = rows.text(0);
  row = rows.step();
  if (!row) return failure(row.error());
  if (*row) return failure("ambiguous", "several versions begin with " + hash + ": give more digits");
  return source;
}

}  // namespace clade::script
