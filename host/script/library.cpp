#include "script/library.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>
#include <system_error>

#include "base/bytes.h"
#include "script/catalogue.h"
#include "script/history.h"
#include "script/nearest.h"
#include "script/shelves.h"

namespace clade::script {

namespace fs = std::filesystem;

Library::Library(std::string folder, const Clock& clock)
    : shelves_(std::make_unique<Shelves>(std::move(folder), clock)) {}

Library::~Library() = default;

Status Library::load(store::Database& database, store::Batch& batch) {
  Shelves& shelves = *shelves_;
  shelves.problems.clear();
  shelves.manifest_hash = shelves.hash_of_manifest();
  auto catalogue = read_catalogue(shelves.folder);
  if (!catalogue) return failure(catalogue.error());
  shelves.catalogue = std::move(*catalogue);
  auto history = read_history(database);
  if (!history) return failure(history.error());
  shelves.refused = std::move(history->refused);
  shelves.undone = std::move(history->undone);
  shelves.schemas = std::move(history->schemas);
  shelves.stale = std::move(history->stale);
  shelves.current.clear();
  for (auto& [name, version] : history->current) {
    version.path = script_path(name);
    shelves.current.emplace(name, std::move(version));
  }
  shelves.installs = Installs();
  shelves.on_probation.reset();
  shelves.installs.count_from(history->last_install);
  shelves.cut_off(std::move(history->trials), batch);
  shelves.leave_out_refused();
  if (auto status = check_all_uses(shelves.catalogue); !status) return status;
  const auto names = script_names(shelves.catalogue);
  for (const auto& name : names) {
    if (auto status = shelves.load_script(name, batch); !status) return status;
  }
  // What the store knows and the folder no longer holds is no part of the swarm.
  const std::set<std::string> there(names.begin(), names.end());
  std::erase_if(shelves.current, [&](const auto& entry) { return there.count(entry.first) == 0; });
  return {};
}

const std::vector<Error>& Library::problems() const {
  return shelves_->problems;
}

const SwarmManifest& Library::swarm() const {
  return shelves_->catalogue.swarm;
}

const AgentManifest& Library::agent(const std::string& role) const {
  return shelves_->catalogue.roles.at(role);
}

const SkillManifest& Library::skill(const std::string& id) const {
  return shelves_->catalogue.skills.at(id);
}

std::vector<std::string> Library::skills() const {
  std::vector<std::string> ids;
  for (const auto& [id, manifest] : shelves_->catalogue.skills) ids.push_back(id);
  return ids;
}

bool Library::has_skill(const std::string& id) const {
  return shelves_->catalogue.skills.count(id) > 0;
}

ReloadMode Library::reload_mode(const std::string& name) const {
  const ReloadModes& modes = swarm().reload;
  if (is_kind(name, "agent")) return modes.agents;
  return is_kind(name, "skill") ? modes.skills : modes.scripts;
}

Result<std::string> Library::skill_file(const std::string& id, const std::string& file) const {
  if (!has_skill(id)) return failure("not_found", "no skill \"" + id + "\"" + did_you_mean(id, skills()));
  if (file.empty() || file[0] == '.' || file.find('/') != std::string::npos ||
      file.find('\0') != std::string::npos) {
    return failure("invalid",
                   "\"" + file + "\" is no file of a skill's folder: give its name alone, like \"test.lua\"");
  }
  const fs::path script = script_path("skill:" + id);
  return read_file(shelves_->folder + "/" + (script.parent_path() / file).string(), kSourceBytes);
}

const Version* Library::current(const std::string& name) const {
  return shelves_->in_force(name);
}

Result<std::map<std::string, const Version*>> Library::closure(const std::vector<std::string>& skills) const {
  auto ids = all_uses(shelves_->catalogue, skills);
  if (!ids) return failure(ids.error());
  std::map<std::string, const Version*> modules;
  for (const auto& id : *ids) modules.emplace(id, shelves_->in_force("skill:" + id));
  return modules;
}

std::vector<Version> Library::changed() const {
  shelves_->problems.clear();
  if (shelves_->hash_of_manifest() != shelves_->manifest_hash) {
    shelves_->problems.push_back(
        {"restart",
         "swarm.yaml changed: it takes effect when the host starts again (`clade stop`, `clade run`)"});
  }
  std::vector<Version> candidates;
  for (const auto& name : shelves_->read_manifests()) {
    if (auto candidate = shelves_->candidate(name)) candidates.push_back(std::move(*candidate));
  }
  return candidates;
}

Result<Version> Library::offer(const std::string& name, bool force) const {
  const auto names = shelves_->read_manifests();
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    return failure("not_found", "no script \"" + name + "\" whose manifest is right" +
                                    did_you_mean(name, names) + ": see `clade script list`");
  }
  auto source = read_source(shelves_->folder, script_path(name));
  if (!source) return failure(source.error());
  Version version = shelves_->version(name, std::move(*source), "file");
  if (const Version* now = newest(name); now && now->hash == version.hash) {
    return failure("unchanged", name + " is at version " + short_hash(version.hash) + " already, as " +
                                    version.path + " has it");
  }
  if (was_undone(name, version.hash) && !force) {
    return failure("quarantined", "version " + short_hash(version.hash) + " of " + name +
                                      " was undone before: see `clade script log " + name +
                                      "`; --force tries it all the same");
  }
  if (auto status = check_uses(shelves_->with_manifest(name), name); !status) return failure(status.error());
  return version;
}

std::vector<std::string> Library::uses(const Version& candidate) const {
  return direct_uses(shelves_->with_manifest(candidate.name), candidate.name);
}

void Library::import(std::vector<Version> candidates, const std::string& by, store::Batch& batch) {
  // Somebody else may have been faster.
  std::erase_if(candidates, [&](const Version& candidate) {
    const Version* now = newest(candidate.name);
    return now && now->hash == candidate.hash;
  });
  shelves_->on_probation.reset();  // the manifests change as well
  std::vector<std::string> names;
  for (const auto& candidate : candidates) {
    names.push_back(candidate.name);
    // In place: others hold references to manifests.
    shelves_->take_manifest(candidate.name, shelves_->catalogue);
    auto& rules = shelves_->catalogue.rules;
    const bool is_new_rule = is_kind(candidate.name, "rule") && !shelves_->current.count(candidate.name);
    if (is_new_rule) rules.push_back(after_colon(candidate.name));
  }
  // What they replace may have changed while they were tested.
  std::vector<Version> versions;
  for (const auto& candidate : candidates)
    versions.push_back(shelves_->version(candidate.name, candidate.source, "file"));
  const int64_t install = shelves_->begin_install(names);
  for (auto& version : versions) shelves_->adopt_file(std::move(version), by, install, batch);
  shelves_->record_install(install, names, batch);
}

void Library::refuse(const Version& candidate, const std::string& reason, store::Batch& batch) {
  shelves_->refused[candidate.name].insert(candidate.hash);
  record_refusal(candidate, "host", reason, shelves_->clock.wall_ms(), batch);
}

Result<Version> Library::publish(const std::string& name, const std::string& source, Value lineage,
                                 const std::string& by, store::Batch& batch) {
  const Version* before = shelves_->adopted(name);
  if (!before) {
    return failure("not_found", "no script \"" + name + "\"" +
                                    did_you_mean(name, script_names(shelves_->catalogue)) +
                                    ": only what has a folder can be published");
  }
  if (auto status = check_source(source, "the source published as " + name); !status)
    return failure(status.error());
  Version version = shelves_->version(name, source, "published");
  if (version.hash == before->hash) {
    return failure("unchanged", name + " is at version " + short_hash(version.hash) + " already");
  }
  if (was_undone(name, version.hash)) {
    return failure("quarantined", name + " at version " + short_hash(version.hash) +
                                      " was undone before: see `clade script show " + name + "`");
  }
  version.lineage = std::move(lineage);
  const int64_t install = shelves_->begin_install({name});
  record_adoption(version, "published", by, version.lineage, install, batch);
  shelves_->put(version, false);
  shelves_->record_install(install, {name}, batch);
  return version;
}

const Version* Library::newest(const std::string& name) const {
  return shelves_->adopted(name);
}

int64_t Library::schema_of(const std::string& hash) const {
  const auto found = shelves_->schemas.find(hash);
  return found == shelves_->schemas.end() ? 1 : found->second;
}

void Library::note_schema(const std::string& hash, int64_t schema, store::Batch& batch) {
  if (schema_of(hash) == schema) return;
  shelves_->schemas[hash] = schema;
  record_schema(hash, schema, batch);
}

const std::map<int64_t, Install>& Library::installs() const {
  return shelves_->installs.all();
}

int64_t Library::install_of(const std::string& role) const {
  const auto& roles = shelves_->roles_on_probation();
  const auto found = roles.find(role);
  return found == roles.end() || installs().at(found->second).suspended ? 0 : found->second;
}

bool Library::is_suspended(const std::string& role) const {
  const auto& roles = shelves_->roles_on_probation();
  const auto found = roles.find(role);
  return found != roles.end() && installs().at(found->second).suspended;
}

int64_t Library::install_now(int64_t install) const {
  return shelves_->installs.now(install);
}

std::vector<std::string> Library::users_of(const std::string& name) const {
  return shelves_->users([&](const std::string& other) { return other == name; });
}

std::vector<std::string> Library::roles_of(int64_t install) const {
  return shelves_->users([&](const std::string& name) { return shelves_->installs.of(name) == install; });
}

void Library::suspend(int64_t install, bool on) {
  shelves_->installs.suspend(install, on);
}

void Library::confirm(int64_t install, const Value& figures, store::Batch& batch) {
  const int64_t now = shelves_->clock.wall_ms();
  for (const auto& [name, before] : installs().at(install).before)
    record_standing({name, shelves_->current.at(name).hash, "confirmed", "host", figures, now, install},
                    batch);
  shelves_->installs.end(install, batch);
  shelves_->on_probation.reset();
}

std::vector<std::string> Library::undo(int64_t install, const Value& detail, store::Batch& batch) {
  std::vector<std::string> names;
  const auto before = installs().at(install).before;
  shelves_->installs.end(install, batch);
  shelves_->on_probation.reset();
  for (const auto& [name, version] : before) {
    if (!version) continue;  // nobody runs it any more: what did is back
    if (newest(name)->origin != "file") names.push_back(name);
    shelves_->go_back(name, *version, install, "undone", detail, batch);
  }
  return names;
}

void Library::pause(store::Batch& batch) const {
  shelves_->installs.pause(batch);
}

bool Library::was_withdrawn(const std::string& name, const std::string& hash) const {
  return holds(shelves_->refused, name, hash);
}

bool Library::was_undone(const std::string& name, const std::string& hash) const {
  return holds(shelves_->undone, name, hash);
}

Result<Version> Library::roll_back(const std::string& name, const std::string& hash, const std::string& by,
                                   store::Database& database, store::Batch& batch, bool force) {
  const Version* before = shelves_->adopted(name);
  if (!before) {
    return failure("not_found", "no script \"" + name + "\"" +
                                    did_you_mean(name, script_names(shelves_->catalogue)) +
                                    ": see `clade script list`");
  }
  // What is on probation goes back to what was confirmed. The parent of a version that was rolled back to is
  // what it came back from: going back again means further back.
  const int64_t install = shelves_->installs.of(name);
  const auto* confirmed = install == 0 ? nullptr : &installs().at(install).before.at(name);
  auto target = !hash.empty()                     ? adopted_hash(database, name, hash)
                : confirmed && *confirmed         ? Result<std::string>((*confirmed)->hash)
                : before->origin == "rolled_back" ? parent_of(database, name, before->hash)
                                                  : Result<std::string>(before->parent);
  if (!target) return failure(target.error());
  if (target->empty()) {
    return failure("not_found", "version " + short_hash(before->hash) + " of " + name +
                                    " is its first, there is nothing to go back to");
  }
  if (*target == before->hash) {
    return failure("unchanged", name + " is at version " + short_hash(*target) + " already");
  }
  if (was_undone(name, *target) && !force) {
    return failure("quarantined", "version " + short_hash(*target) + " of " + name +
                                      " was undone before: see `clade script log " + name +
                                      "`; --force runs it all the same");
  }
  auto source = version_source(database, *target);
  if (!source) return failure(source.error());
  Version version = shelves_->version(name, std::move(*source), "rolled_back");
  Value detail;
  detail.set("from", before->hash);
  record_adoption(version, "rolled_back", by, std::move(detail), 0, batch);
  shelves_->put(version, false);
  shelves_->installs.leave(name, batch);
  shelves_->on_probation.reset();
  return version;
}

Status Library::write_back(const std::string& name) const {
  const Version* version = newest(name);
  if (!version) return failure("not_found", "no script \"" + name + "\" to write back");
  const std::string path = shelves_->folder + "/" + version->path;
  const auto text = read_file(path);
  if (!text && text.error().code != "not_found") return failure(text.error());
  if (text) {
    const std::string hash = content_hash(*text);
    if (hash == version->hash) {
      shelves_->stale[name].clear();
      return {};
    }
    // A refused text is kept in the store, one that nobody has seen is not.
    if (!holds(shelves_->stale, name, hash) && !holds(shelves_->refused, name, hash)) {
      return failure("conflict",
                     path + " was changed by hand while version " + short_hash(version->hash) +
                         " was adopted: the file stays as it is and is tested as the next version");
    }
  }
  return shelves_->write(*version);
}

std::vector<std::string> Library::watched_folders() const {
  std::error_code ignored;
  const fs::path root = fs::absolute(shelves_->folder, ignored).lexically_normal();
  std::set<fs::path> folders = {root, root / "agents", root / "skills"};
  // Empty folders too: somebody is about to put a skill there.
  for (const auto& folder : skill_parents(root.string())) folders.insert(folder);
  for (const auto& [role, manifest] : shelves_->catalogue.roles) folders.insert(root / "agents" / role);
  folders.insert(root / "scripts" / "govern");
  std::vector<std::string> there;
  for (const auto& folder : folders) {
    if (fs::is_directory(folder, ignored)) there.push_back(folder.string());
  }
  return there;
}

}  // namespace clade::script
