// What a library knows: the versions in force, what may replace them, and the manifests beside them.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "script/catalogue.h"
#include "script/history.h"
#include "script/library.h"

namespace clade::script {

using Hashes = std::set<std::string>;

// Is the hash among those of the name?
inline bool holds(const std::map<std::string, Hashes>& sets, const std::string& name,
                  const std::string& hash) {
  const auto found = sets.find(name);
  return found != sets.end() && found->second.count(hash) > 0;
}

// Is a script's name, like "skill:sort.quick", of this kind ("skill")?
inline bool is_kind(const std::string& name, std::string_view kind) {
  return name.substr(0, name.find(':')) == kind;
}

// What is behind the colon: "sort.quick".
inline std::string after_colon(const std::string& name) {
  return name.substr(name.find(':') + 1);
}

struct Library::Shelves {
  Shelves(std::string swarm_folder, const Clock& its_clock)
      : folder(std::move(swarm_folder)), clock(its_clock) {}

  std::string folder;
  const Clock& clock;
  Catalogue catalogue;
  std::map<std::string, Version> current;  // by name
  std::map<std::string, Hashes> refused;   // by name: texts not to offer again
  std::map<std::string, Hashes> undone;    // of these, those that failed at work
  std::map<std::string, int64_t> schemas;  // by hash, see Library::schema_of
  Installs installs;
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

  // The newest that was made current, or nullptr; and what new runs get.
  const Version* adopted(const std::string& name) const {
    const auto found = current.find(name);
    return found == current.end() ? nullptr : &found->second;
  }
  const Version* in_force(const std::string& name) const {
    const Version* before = installs.instead_of(name);
    return before ? before : adopted(name);
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
    undone[next.name].erase(next.hash);
    current.insert_or_assign(next.name, std::move(next));
  }

  void adopt_file(Version version, const std::string& by, int64_t install, store::Batch& batch) {
    record_adoption(version, "imported", by, {}, install, batch);
    put(std::move(version), true);
  }

  // The roles that run one of these scripts, sorted.
  std::vector<std::string> users(const std::function<bool(const std::string& name)>& is_one) const;
  // The versions of these names are about to change, together: begins an install, or none if there is nothing
  // to go back to or nobody runs them. Returns its number, or 0.
  int64_t begin_install(const std::vector<std::string>& names);
  // They have changed. One that is what its install would go back to is on probation no more.
  void record_install(int64_t install, const std::vector<std::string>& names, store::Batch& batch);
  // `before` is current again; the text of what it replaced is accepted no more.
  void go_back(const std::string& name, Version before, int64_t install, const std::string& verb,
               const Value& detail, store::Batch& batch);
  void cut_off(std::vector<History::Trial> trials, store::Batch& batch);
  bool is_in_folder(const std::string& name) const;
  // The install of each role that is part of one; made when it is asked for, after a change.
  const std::map<std::string, int64_t>& roles_on_probation();
  std::optional<std::map<std::string, int64_t>> on_probation;

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

}  // namespace clade::script
