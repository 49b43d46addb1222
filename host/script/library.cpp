#include "script/library.h"

#include <filesystem>
#include <optional>
#include <set>
#include <system_error>

#include "base/bytes.h"
#include "script/catalogue.h"
#include "script/history.h"
#include "script/nearest.h"

namespace clade::script {
namespace {

namespace fs = std::filesystem;

using Hashes = std::set<std::string>;

bool holds(const std::map<std::string, Hashes>& sets, const std::string& name, const std::string& hash) {
  const auto found = sets.find(name);
  return found != sets.end() && found->second.count(hash) > 0;
}

std::string after_colon(const std::string& name) {
  return name.substr(name.find(':') + 1);
}

bool is_kind(const std::string& name, std::string_view kind) {
  return name.substr(0, name.find(':')) == kind;
}

}  // namespace

struct Library::Shelves {
  Shelves(std::string swarm_folder, const Clock& its_clock)
      : folder(std::move(swarm_folder)), clock(its_clock) {}

  std::string folder;
  const Clock& clock;
  Catalogue catalogue;
  std::map<std::string, Version> current;  // by name
  std::map<std::string, Hashes> refused;   // by name: texts not to offer again
  // By name: texts that the file may hold only because the current version was not written back yet.
  std::map<std::string, Hashes> stale;
  // Manifests as `changed` read them: taken over when the candidate is imported.
  std::map<std::string, SkillManifest> read_skills;
  std::map<std::string, AgentManifest> read_roles;
  std::vector<Error> problems;
  std::string manifest_hash;  // of swarm.yaml as it was loaded

  // "" if it cannot be read.
  std::string hash_of_manifest() const {
    auto text = read_file(folder + "/swarm.yaml");
    return text ? content_hash(*text) : "";
  }

  Version version(const std::string& name, std::string source, std::string origin) const {
    Version made;
    made.name = name;
    made.hash = content_hash(source);
    made.source = std::move(source);
    made.path = script_path(name);
    const auto before = current.find(name);
    if (before != current.end()) made.parent = before->second.hash;
    made.origin = std::move(origin);
    made.created_at = clock.wall_ms();
    return made;
  }

  // From now on `next` is what runs under its name. `in_file`: its file holds it already.
  void put(Version next, bool in_file) {
    auto& behind = stale[next.name];
    if (in_file) {
      behind.clear();
    } else {
      behind.insert(next.parent);
      behind.erase(next.hash);
    }
    refused[next.name].erase(next.hash);
    current.insert_or_assign(next.name, std::move(next));
  }

  void adopt_file(Version version, const std::string& by, store::Batch& batch) {
    record_adoption(version, "imported", by, {}, batch);
    put(std::move(version), true);
  }

  // Skills without a current version whose text was refused: they are not part of the swarm until somebody
  // changes them.
  void leave_out_refused();
  Status load_script(const std::string& name, store::Batch& batch);
  Status write(const Version& version);
  // Reads the manifests again; returns the names of scripts whose folder is there, without those whose
  // manifest is not right.
  std::vector<std::string> read_manifests();
  // Puts the manifest of a script as it was read last into a catalogue.
  void take_manifest(const std::string& name, Catalogue& into) const;
  // The catalogue as it would be with the candidate's manifest in force.
  Catalogue with_manifest(const std::string& name) const;
  std::optional<Version> candidate(const std::string& name);
};

void Library::Shelves::leave_out_refused() {
  for (auto skill = catalogue.skills.begin(); skill != catalogue.skills.end();) {
    const std::string name = "skill:" + skill->first;
    const auto source = read_file(folder + "/" + script_path(name), kSourceBytes);
    if (current.count(name) || !source || !holds(refused, name, content_hash(*source))) {
      ++skill;
      continue;
    }
    problems.push_back({"refused", script_path(name) +
                                       " still holds the text that was refused: see `clade script show " +
                                       name + "`; the skill is left out until the file changes"});
    skill = catalogue.skills.erase(skill);
  }
}

Status Library::Shelves::load_script(const std::string& name, store::Batch& batch) {
  const std::string path = script_path(name);
  const auto found = current.find(name);
  auto source = read_source(folder, path);
  if (!source) {
    Error error = source.error();
    if (found != current.end() && error.code == "invalid") {
      problems.push_back({"invalid", error.message + "; the current version " +
                                         short_hash(found->second.hash) + " goes on running"});
      return {};
    }
    const std::string users = needed_by(catalogue, name);
    if (!users.empty()) error.message += "; needed by " + users;
    if (found != current.end()) {
      error.message += "; `clade script show " + name + " " + short_hash(found->second.hash) +
                       " --source` prints its last version";
    }
    return failure(std::move(error));
  }
  if (found == current.end()) {
    adopt_file(version(name, std::move(*source), "file"), "host", batch);
    return {};
  }
  const Version& version = found->second;
  const std::string hash = content_hash(*source);
  if (hash == version.hash) {
    stale[name].clear();
  } else if (holds(stale, name, hash)) {
    if (auto status = write(version); !status) {
      problems.push_back(status.error());
    } else {
      problems.push_back({"written_back", path + " still held " + short_hash(hash) +
                                              " and was written again with " + short_hash(version.hash) +
                                              ", which replaced it: to go back, `clade script "
                                              "rollback " +
                                              name + "`"});
    }
  } else {
    stale[name].clear();
  }
  return {};
}

Status Library::Shelves::write(const Version& version) {
  const std::string path = folder + "/" + version.path;
  if (auto status = write_file_atomic(path, version.source); !status) {
    return failure(status.error().code, status.error().message + "; version " + short_hash(version.hash) +
                                            " runs all the same and is written at the next start");
  }
  stale[version.name].clear();
  return {};
}

std::vector<std::string> Library::Shelves::read_manifests() {
  std::vector<std::string> names;
  std::set<std::string> there;
  for (const auto& id : skill_folders(folder)) {
    there.insert(id);
    auto manifest = read_skill_folder(folder, id);
    if (!manifest) {
      problems.push_back(manifest.error());
      continue;
    }
    read_skills.insert_or_assign(id, std::move(*manifest));
    names.push_back("skill:" + id);
  }
  for (const auto& [id, manifest] : catalogue.skills) {
    if (there.count(id)) continue;
    problems.push_back({"not_found", "the folder of the skill " + id +
                                         " is gone; its current version goes on running "
                                         "until the next start"});
  }
  for (const auto& [role, in_force] : catalogue.roles) {
    auto manifest = read_role_folder(folder, role);
    if (!manifest) {
      problems.push_back(manifest.error());
      continue;
    }
    read_roles.insert_or_assign(role, std::move(*manifest));
    names.push_back("agent:" + role);
  }
  for (const auto& rule : rule_files(folder)) names.push_back("rule:" + rule);
  return names;
}

void Library::Shelves::take_manifest(const std::string& name, Catalogue& into) const {
  const std::string key = after_colon(name);
  if (is_kind(name, "skill")) into.skills.insert_or_assign(key, read_skills.at(key));
  if (is_kind(name, "agent")) into.roles.insert_or_assign(key, read_roles.at(key));
}

Catalogue Library::Shelves::with_manifest(const std::string& name) const {
  Catalogue next = catalogue;
  take_manifest(name, next);
  return next;
}

std::optional<Version> Library::Shelves::candidate(const std::string& name) {
  const std::string path = script_path(name);
  const auto found = current.find(name);
  auto source = read_source(folder, path);
  if (!source) {
    problems.push_back(source.error());
    if (found != current.end()) {
      problems.back().message +=
          "; the current version " + short_hash(found->second.hash) + " goes on running";
    }
    return std::nullopt;
  }
  const std::string hash = content_hash(*source);
  const Catalogue next = with_manifest(name);
  if (found != current.end() && found->second.hash == hash) {
    if (next.skills != catalogue.skills || next.roles != catalogue.roles) {
      problems.push_back({"restart", "the manifest beside " + path + " changed: it takes effect when " +
                                         path + " changes too, or at the next start"});
    }
    return std::nullopt;
  }
  if (holds(refused, name, hash) || holds(stale, name, hash)) return std::nullopt;
  if (auto status = check_uses(next, name); !status) {
    problems.push_back({status.error().code, path + " waits: " + status.error().message});
    return std::nullopt;
  }
  return version(name, std::move(*source), "file");
}

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
  shelves.stale = std::move(history->stale);
  shelves.current.clear();
  for (auto& [name, version] : history->current) {
    version.path = script_path(name);
    shelves.current.emplace(name, std::move(version));
  }
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
  const auto found = shelves_->current.find(name);
  return found == shelves_->current.end() ? nullptr : &found->second;
}

Result<std::map<std::string, const Version*>> Library::closure(const std::vector<std::string>& skills) const {
  auto ids = all_uses(shelves_->catalogue, skills);
  if (!ids) return failure(ids.error());
  std::map<std::string, const Version*> modules;
  for (const auto& id : *ids) modules.emplace(id, &shelves_->current.at("skill:" + id));
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

std::vector<std::string> Library::uses(const Version& candidate) const {
  return direct_uses(shelves_->with_manifest(candidate.name), candidate.name);
}

void Library::import(const Version& candidate, const std::string& by, store::Batch& batch) {
  // What it replaces may have changed while it was tested.
  Version version = shelves_->version(candidate.name, candidate.source, "file");
  // In place: others hold references to manifests.
  shelves_->take_manifest(candidate.name, shelves_->catalogue);
  auto& rules = shelves_->catalogue.rules;
  const bool is_new_rule = is_kind(candidate.name, "rule") && !shelves_->current.count(candidate.name);
  if (is_new_rule) rules.push_back(after_colon(candidate.name));
  shelves_->adopt_file(std::move(version), by, batch);
}

void Library::refuse(const Version& candidate, const std::string& reason, store::Batch& batch) {
  shelves_->refused[candidate.name].insert(candidate.hash);
  record_refusal(candidate, "host", reason, shelves_->clock.wall_ms(), batch);
}

Result<Version> Library::publish(const std::string& name, const std::string& source, Value lineage,
                                 const std::string& by, store::Batch& batch) {
  const Version* before = current(name);
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
  version.lineage = std::move(lineage);
  record_adoption(version, "published", by, version.lineage, batch);
  shelves_->put(version, false);
  return version;
}

Result<Version> Library::roll_back(const std::string& name, const std::string& hash, const std::string& by,
                                   store::Database& database, store::Batch& batch) {
  const Version* before = current(name);
  if (!before) {
    return failure("not_found", "no script \"" + name + "\"" +
                                    did_you_mean(name, script_names(shelves_->catalogue)) +
                                    ": see `clade script list`");
  }
  // The parent of a version that was rolled back to is what it came back from: going back again means further
  // back.
  auto target = !hash.empty()                     ? adopted_hash(database, name, hash)
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
  auto source = version_source(database, *target);
  if (!source) return failure(source.error());
  Version version = shelves_->version(name, std::move(*source), "rolled_back");
  Value detail;
  detail.set("from", before->hash);
  record_adoption(version, "rolled_back", by, std::move(detail), batch);
  shelves_->put(version, false);
  return version;
}

Status Library::write_back(const std::string& name) const {
  const Version* version = current(name);
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
