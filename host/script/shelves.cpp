#include "script/shelves.h"

#include <algorithm>

namespace clade::script {

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
    adopt_file(version(name, std::move(*source), "file"), "host", 0, batch);
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

std::vector<std::string> Library::Shelves::users(
    const std::function<bool(const std::string& name)>& is_one) const {
  std::vector<std::string> roles;
  for (const auto& [role, manifest] : catalogue.roles) {
    const auto skills = all_uses(catalogue, manifest.skills);
    const bool runs_one = is_one("agent:" + role) ||
                          (skills && std::any_of(skills->begin(), skills->end(),
                                                 [&](const auto& id) { return is_one("skill:" + id); }));
    if (runs_one) roles.push_back(role);
  }
  return roles;
}

const std::map<std::string, int64_t>& Library::Shelves::roles_on_probation() {
  if (on_probation) return *on_probation;
  on_probation.emplace();
  for (const auto& [id, install] : installs.all()) {
    for (const auto& role :
         users([&, number = id](const std::string& name) { return installs.of(name) == number; }))
      on_probation->emplace(role, id);
  }
  return *on_probation;
}

int64_t Library::Shelves::begin_install(const std::vector<std::string>& names) {
  const std::set<std::string> changing(names.begin(), names.end());
  const auto roles = users([&](const std::string& name) { return changing.count(name) > 0; });
  std::map<std::string, std::optional<Version>> before;
  for (const auto& name : names) {
    const auto found = current.find(name);
    before.emplace(name, found == current.end() ? std::nullopt : std::optional(found->second));
  }
  const bool can_go_back =
      std::any_of(before.begin(), before.end(), [](const auto& entry) { return entry.second.has_value(); });
  if (roles.empty() || !can_go_back) return 0;
  // What one agent runs is decided about as a whole.
  std::set<int64_t> joined;
  for (const auto& role : roles) {
    const auto found = roles_on_probation().find(role);
    if (found != roles_on_probation().end()) joined.insert(found->second);
  }
  on_probation.reset();
  return installs.begin(std::move(before), joined);
}

void Library::Shelves::record_install(int64_t install, const std::vector<std::string>& names,
                                      store::Batch& batch) {
  if (install == 0) return;
  installs.record(install, batch);
  for (const auto& name : names) {
    const auto& before = installs.all().at(install).before.at(name);
    if (before && before->hash == current.at(name).hash) installs.leave(name, batch);
    on_probation.reset();
    if (installs.all().count(install) == 0) return;
  }
}

void Library::Shelves::go_back(const std::string& name, Version before, int64_t install,
                               const std::string& verb, const Value& detail, store::Batch& batch) {
  const Version& version = current.at(name);
  record_return(version, before, verb, detail, install, clock.wall_ms(), batch);
  // What a person wrote stays in the file, what an agent wrote goes.
  if (version.origin != "file") stale[name].insert(version.hash);
  stale[name].erase(before.hash);
  refused[name].insert(version.hash);
  if (verb == "undone") undone[name].insert(version.hash);
  before.path = version.path;
  current.insert_or_assign(name, std::move(before));
}

bool Library::Shelves::is_in_folder(const std::string& name) const {
  const auto names = script_names(catalogue);
  return std::find(names.begin(), names.end(), name) != names.end();
}

void Library::Shelves::cut_off(std::vector<History::Trial> trials, store::Batch& batch) {
  std::set<int64_t> ended;
  for (auto& trial : trials) {
    // What the folder does not hold is decided about when it does again.
    if (current.count(trial.name) == 0 || !is_in_folder(trial.name)) continue;
    installs.restore(trial.install, trial.name, trial.before);
    if (!trial.paused) ended.insert(trial.install);
  }
  for (const int64_t id : ended) {
    const Value detail{{"reason", "its host was killed before it was confirmed"}};
    for (const auto& [name, before] : installs.all().at(id).before) {
      if (!before) continue;
      problems.push_back({"cut_off", name + " is at version " + short_hash(before->hash) +
                                         " again: the host was killed while " +
                                         short_hash(current.at(name).hash) +
                                         " was on probation. `clade script install " + name +
                                         "` tries what its file holds once more"});
      go_back(name, *before, id, "cut_off", detail, batch);
    }
    installs.end(id, batch);
  }
  if (!installs.all().empty())
    batch.add([](store::Database& database) {
      return database.execute("UPDATE script SET paused = 0 WHERE paused <> 0");
    });
}

}  // namespace clade::script
