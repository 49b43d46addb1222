// The agents and skills of a swarm as their files say, without a host: what people edit is what they test.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "run/executor.h"
#include "script/manifest.h"

namespace clade::cli {

// A skill's folder below the swarm's: "skills/optimize/bin_packing" for "optimize.bin_packing". Errors:
// "usage" (no id of the form LAYER.NAME).
Result<std::string> skill_folder(const std::string& id);

// Ids of the skills that have a skill.yaml, and roles that have an agent.yaml, sorted.
std::vector<std::string> skill_ids(const std::string& folder);
std::vector<std::string> role_names(const std::string& folder);

// Errors: "not_found" (names the nearest there is), "invalid", "io".
Result<script::SkillManifest> skill_manifest(const std::string& folder, const std::string& id);
Result<script::AgentManifest> agent_manifest(const std::string& folder, const std::string& role);

// Names of the replays that are saved as tests of a role (agents/ROLE/replays/NAME.json), sorted.
std::vector<std::string> replay_names(const std::string& folder, const std::string& role);
// The path of one, below the swarm's folder.
std::string replay_path(const std::string& role, const std::string& name);

// The agents that an entry of swarm.yaml makes: "NAME", then "NAME#2" …
std::vector<std::string> instance_names(const script::AgentEntry& entry);
// Fails with "not_found" (names the nearest there is) if swarm.yaml makes no agent of this name. A swarm.yaml
// that cannot be read knows every name: it is for other commands to say what is wrong with it.
Status check_agent(const std::string& folder, const std::string& name);

// A Lua file of the swarm as a module; its chunk name is the path. Errors: "not_found", "io".
Result<run::Module> read_module(const std::string& folder, const std::string& path);

using Modules = std::map<std::string, run::Module, std::less<>>;
// The skills and all that they use, by id. Errors: "not_found" (says which skill wants it), "invalid", "io".
Result<Modules> read_skills(const std::string& folder, const std::vector<std::string>& ids);

}  // namespace clade::cli
