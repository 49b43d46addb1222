// The scripts' rows in the store: sources by hash, the current version of each name, and what happened to it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/value.h"
#include "script/version.h"
#include "store/database.h"
#include "store/writer.h"

namespace clade::script {

// What the store knows of the scripts.
struct History {
  std::map<std::string, Version> current;  // by name; without `path`, which is the folder's business
  // Name → hashes of texts that were refused, undone or cut off, and not adopted since.
  std::map<std::string, std::set<std::string>> refused;
  // Of these, those that were undone: they failed at work.
  std::map<std::string, std::set<std::string>> undone;
  // What is on probation.
  struct Trial {
    std::string name;
    int64_t install = 0;
    std::optional<Version> before;  // that was in force; nothing if there was none
    bool paused = false;            // its host ended in order
  };
  std::vector<Trial> trials;
  std::map<std::string, int64_t> schemas;  // by hash, of those that are not 1
  int64_t last_install = 0;                // the highest number that any had
  // Name → hashes that its file may still hold if the host ended between a commit and the write-back: what
  // the versions published or rolled back to since the last import replaced, and texts refused before.
  std::map<std::string, std::set<std::string>> stale;
};

// Everything the store knows of the scripts. Errors: those of Statement.
Result<History> read_history(store::Database& database);

// Makes `version` the current one of its name: version, script and script_event rows. `verb` is "imported",
// "published" or "rolled_back"; `by` an agent's name, "host" or "operator"; `install` the one that begins
// with it, or 0.
void record_adoption(const Version& version, const std::string& verb, const std::string& by, Value detail,
                     int64_t install, store::Batch& batch);
// Keeps the text of a refused candidate, and why.
void record_refusal(const Version& candidate, const std::string& by, const std::string& reason, int64_t at,
                    store::Batch& batch);

// `before` is in force again instead of `version`: writes the script row and a script_event row. `verb` is
// "undone" or "cut_off".
void record_return(const Version& version, const Version& before, const std::string& verb,
                   const Value& detail, int64_t install, int64_t at, store::Batch& batch);

// The number of the form in which a version leaves an agent's state.
void record_schema(const std::string& hash, int64_t schema, store::Batch& batch);

// Does an event of this verb make a version current?
bool is_adoption(const std::string& verb);

// What happened to a version at work.
struct StandingEvent {
  std::string name;
  std::string hash;
  // Of a combination: "confirmed", "blamed", "quarantined", "released", with {combination, …}. Of an install:
  // "confirmed".
  std::string verb;
  std::string by;
  Value detail;
  int64_t at = 0;
  int64_t install = 0;  // 0: it is about a combination
};
void record_standing(const StandingEvent& event, store::Batch& batch);

// The hash of a version of `name` that was once current, by a prefix of it. Errors: "not_found" (says how to
// list them), "ambiguous".
Result<std::string> adopted_hash(store::Database& database, const std::string& name,
                                 const std::string& prefix);
// What the version replaced when it was imported or published, "" for a first one. Errors: those of
// Statement.
Result<std::string> parent_of(store::Database& database, const std::string& name, const std::string& hash);

}  // namespace clade::script
