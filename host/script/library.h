// The scripts of a swarm: versions by hash in the store, the current one of each name in memory, files on
// disk where people write. What becomes current is on probation first, if it replaces a version that some
// agent runs (install.h). Thread: the loop's.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/value.h"
#include "script/install.h"
#include "script/manifest.h"
#include "script/version.h"
#include "store/database.h"
#include "store/writer.h"

namespace clade::script {

class Library {
 public:
  // `folder` is the swarm's.
  Library(std::string folder, const Clock& clock);
  ~Library();

  // Reads swarm.yaml, the manifests of its agents and every skill; reads versions from the store; imports the
  // file of a script that the store does not know. A version that was published or rolled back to wins over
  // its file if the file still holds what that version replaced (a crash before the write-back): the file is
  // written again. Any other difference is a candidate, see `changed`. What was on probation when the host
  // before was killed is cut off: what it replaced is current, and its text no candidate any more. Errors
  // name the file, and who needs it.
  Status load(store::Database& database, store::Batch& batch);
  // What the last `load` or `changed` found that does not keep the swarm from running, worded for the log:
  // manifests that do not parse or that changed alone ("restart"), files that are gone or could not be
  // written, files that were written again ("written_back").
  const std::vector<Error>& problems() const;

  const SwarmManifest& swarm() const;
  // Throws std::out_of_range for a role or id that is not there. Borrowed; an import changes the contents.
  const AgentManifest& agent(const std::string& role) const;
  const SkillManifest& skill(const std::string& id) const;
  std::vector<std::string> skills() const;
  bool has_skill(const std::string& id) const;
  // What becomes of a script's file when it is saved.
  ReloadMode reload_mode(const std::string& name) const;
  // The source of a skill's other file ("test.lua", "bench.lua"). Errors: "not_found", "invalid" (no plain
  // file name).
  Result<std::string> skill_file(const std::string& id, const std::string& file) const;

  // The version of a name that new runs get, or nullptr: the current one, or while its install is suspended
  // the one before. Borrowed; contents change with all that follows.
  const Version* current(const std::string& name) const;
  // A skill's modules for a VM: its own current source and those it uses, transitively, by id. Errors:
  // "not_found", "cycle".
  Result<std::map<std::string, const Version*>> closure(const std::vector<std::string>& skills) const;

  // Files whose text differs from the current version (read now), and new skills whose manifest is right and
  // whose `uses` are all there: after importing a skill, ask again. Each is a candidate: test it, then
  // `import` or `refuse`. A file that waits for a write-back is none.
  std::vector<Version> changed() const;
  // What the file of a name holds, as a candidate, though it was refused or cut off before; with `force` one
  // that was undone too. Errors: "not_found", those of reading the file and its manifest, "unchanged",
  // "quarantined".
  Result<Version> offer(const std::string& name, bool force) const;
  // The skills that a candidate of the last `changed` or of `offer` may require, by its manifest as it is
  // now: for `closure`.
  std::vector<std::string> uses(const Version& candidate) const;
  // Makes candidates the current versions, together, and takes over their manifests. `by`: a person, or
  // "file".
  void import(std::vector<Version> candidates, const std::string& by, store::Batch& batch);
  // Records that a candidate was refused and why; the same text is not offered again by `changed`.
  void refuse(const Version& candidate, const std::string& reason, store::Batch& batch);
  // A version made by an agent: current in memory and in the batch; `write_back` after the commit. Errors:
  // "not_found" (no such name), "invalid" (empty or compiled source), "unchanged", "quarantined" (this text
  // was undone before).
  Result<Version> publish(const std::string& name, const std::string& source, Value lineage,
                          const std::string& by, store::Batch& batch);

  // The version that was made current last, whether its install is suspended or not; or nullptr.
  const Version* newest(const std::string& name) const;
  // The number of the form in which a version leaves an agent's state (`schema`); 1 if nobody has said.
  int64_t schema_of(const std::string& hash) const;
  // Takes note of what a version says of itself, in the batch too if that is new; its row has to be there.
  void note_schema(const std::string& hash, int64_t schema, store::Batch& batch);

  // What is on probation.
  const std::map<int64_t, Install>& installs() const;
  // The install that new runs of a role are part of, 0 if there is none or it is suspended.
  int64_t install_of(const std::string& role) const;
  // Is what the role runs part of a suspended one?
  bool is_suspended(const std::string& role) const;
  // What an install has become part of: see Installs::now.
  int64_t install_now(int64_t install) const;
  // The roles that run a script, sorted: by its name, or something of an install.
  std::vector<std::string> users_of(const std::string& name) const;
  std::vector<std::string> roles_of(int64_t install) const;
  void suspend(int64_t install, bool on);
  // Its versions stay. `figures` are for the record.
  void confirm(int64_t install, const Value& figures, store::Batch& batch);
  // What its versions replaced is current again, and their texts are accepted no more. Returns the names to
  // write back after the commit: what a person saved stays in its file. `detail`: {reason, …} for the record.
  std::vector<std::string> undo(int64_t install, const Value& detail, store::Batch& batch);
  // The host ends in order: what is on probation goes on being so with the next one.
  void pause(store::Batch& batch) const;
  // Was this version of a name refused, undone or cut off, and not adopted again since?
  bool was_withdrawn(const std::string& name, const std::string& hash) const;
  // Was it undone?
  bool was_undone(const std::string& name, const std::string& hash) const;

  // Back to what was confirmed, of a name on probation; of others to what the current version once replaced;
  // or to `hash` (or a prefix), a version that was current before. Confirmed at once. `write_back` after the
  // commit. Errors: "not_found", "ambiguous", "unchanged", "quarantined" (it was undone, and that is not
  // forced).
  Result<Version> roll_back(const std::string& name, const std::string& hash, const std::string& by,
                            store::Database& database, store::Batch& batch, bool force = false);
  // Writes the current version of a name to its file, atomically. Not imported again. Errors: those of
  // write_file_atomic; "conflict" if a person changed the file meanwhile: their text stays and is offered by
  // `changed`.
  Status write_back(const std::string& name) const;
  // Folders to watch for changes: absolute paths. Ask again after every change, a new skill has a folder of
  // its own.
  std::vector<std::string> watched_folders() const;

 private:
  struct Shelves;
  std::unique_ptr<Shelves> shelves_;
};

// For `clade script list`: [{name, hash, versions=<how many>, origin, changed_at, install?, before?=<hash
// that is in force if it fails>}], by name; from the store alone.
Result<Value> list_scripts(store::Database& database);
// What happened to a name, newest first: [{hash, parent, verb, by, at, detail, install}].
// Errors: "not_found" (names the nearest).
Result<Value> script_versions(store::Database& database, const std::string& name);
// The source of a version, or of a refused text, by hash or an unambiguous prefix. Errors: "not_found",
// "ambiguous".
Result<std::string> version_source(store::Database& database, const std::string& hash);

}  // namespace clade::script
