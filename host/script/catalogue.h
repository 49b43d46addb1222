// What a swarm's folder holds: the manifests, and where the file of each script is. Knows nothing of
// versions.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "script/manifest.h"

namespace clade::script {

// Bytes of a script's source at most.
inline constexpr size_t kSourceBytes = 1u << 20;

struct Catalogue {
  std::string folder;  // that it was read from: errors look up there where a name stands
  SwarmManifest swarm;
  std::map<std::string, AgentManifest> roles;   // those that swarm.yaml uses
  std::map<std::string, SkillManifest> skills;  // by id
  std::vector<std::string> rules;               // files of scripts/govern without ".lua", sorted
};

// Reads swarm.yaml, agents/<role>/agent.yaml of the roles in use, every skills/<layer>/<name>/skill.yaml and
// the names of scripts/govern/*.lua. Errors name the file: those of the manifests, and a skill whose id is
// not its folder's.
Result<Catalogue> read_catalogue(const std::string& folder);
// Ids of the folders skills/<layer>/<name> that hold a skill.yaml or an init.lua, sorted; of hidden folders
// none.
std::vector<std::string> skill_folders(const std::string& folder);
// The folders skills/<layer> and skills/<layer>/<name>, with or without files, as paths that begin with
// `folder`.
std::vector<std::string> skill_parents(const std::string& folder);
// The files scripts/govern/*.lua without ".lua", sorted.
std::vector<std::string> rule_files(const std::string& folder);
Result<SkillManifest> read_skill_folder(const std::string& folder, const std::string& id);
Result<AgentManifest> read_role_folder(const std::string& folder, const std::string& role);

// A grant that a skill states in its skill.yaml.
struct Need {
  std::string skill;
  std::string grant;
  bool asked = false;  // agent.yaml of the role asks for all that it covers, in one grant
};
// What the skills of a role need, those included that they use; of skills that are not there, nothing.
std::vector<Need> needs_of(const Catalogue& catalogue, const std::string& role);

// Fails with "not_found" if a role or skill names a skill that is not in the catalogue, with "cycle" if
// skills use each other in a circle, with "invalid" if a role does not ask for a grant that its skills need;
// names the file, and line and column of a name that is not there.
Status check_uses(const Catalogue& catalogue, const std::string& name);
Status check_all_uses(const Catalogue& catalogue);
// The given skills and those they use, transitively; each after those it uses. Errors: "not_found", "cycle"
// (names the circle).
Result<std::vector<std::string>> all_uses(const Catalogue& catalogue, const std::vector<std::string>& skills);
// The skills that a script may require: `skills` of its agent.yaml, `uses` of its skill.yaml; none for a
// rule.
std::vector<std::string> direct_uses(const Catalogue& catalogue, const std::string& name);

// Names of all scripts: "skill:<id>" first, then "agent:<role>", then "rule:<name>".
std::vector<std::string> script_names(const Catalogue& catalogue);
// Where the source of a script is, relative to the swarm's folder: "skills/optimize/bin_packing/init.lua".
std::string script_path(const std::string& name);
// Who needs a script: "role \"builder\"", …; for messages. "" if nobody does.
std::string needed_by(const Catalogue& catalogue, const std::string& name);

// Fails with "invalid" if a text is no source: empty, compiled, or larger than kSourceBytes. `path` is for
// the message.
Status check_source(const std::string& source, const std::string& path);
// Reads a source and checks it. Errors: those of read_file, "invalid".
Result<std::string> read_source(const std::string& folder, const std::string& path);

}  // namespace clade::script
