#include "cli/scripts.h"

#include <algorithm>
#include <filesystem>

#include "base/bytes.h"
#include "base/codec.h"
#include "script/nearest.h"

namespace clade::cli {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> folders_in(const std::string& path) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->is_directory(error)) names.push_back(entry->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool exists(const std::string& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

}  // namespace

Result<std::string> skill_folder(const std::string& id) {
  if (!script::is_skill_id(id)) {
    return failure("usage", in_quotes(id) +
                                " is no skill id: write LAYER.NAME in small letters, digits and _, e.g. "
                                "optimize.bin_packing");
  }
  const size_t dot = id.find('.');
  return "skills/" + id.substr(0, dot) + "/" + id.substr(dot + 1);
}

std::vector<std::string> skill_ids(const std::string& folder) {
  std::vector<std::string> ids;
  for (const std::string& layer : folders_in(folder + "/skills")) {
    for (const std::string& name : folders_in(folder + "/skills/" + layer)) {
      if (exists(folder + "/skills/" + layer + "/" + name + "/skill.yaml")) ids.push_back(layer + "." + name);
    }
  }
  return ids;
}

std::vector<std::string> role_names(const std::string& folder) {
  std::vector<std::string> roles;
  for (const std::string& role : folders_in(folder + "/agents")) {
    if (exists(folder + "/agents/" + role + "/agent.yaml")) roles.push_back(role);
  }
  return roles;
}

Result<script::SkillManifest> skill_manifest(const std::string& folder, const std::string& id) {
  auto below = skill_folder(id);
  if (!below) return failure(below.error());
  const std::string path = *below + "/skill.yaml";
  if (!exists(folder + "/" + path)) {
    return failure("not_found", "no skill " + legible(id) + " in " + folder + ": there is no " + path +
                                    script::did_you_mean(id, skill_ids(folder)) + "; see `clade skill list`");
  }
  return script::read_skill_manifest(folder + "/" + path);
}

Result<script::AgentManifest> agent_manifest(const std::string& folder, const std::string& role) {
  const std::string path = "agents/" + role + "/agent.yaml";
  if (role.find('/') != std::string::npos || !exists(folder + "/" + path)) {
    return failure("not_found", "no role " + legible(role) + " in " + folder + ": there is no " + path +
                                    script::did_you_mean(role, role_names(folder)) +
                                    "; see `clade agent list`");
  }
  return script::read_agent_manifest(folder + "/" + path);
}

std::string replay_path(const std::string& role, const std::string& name) {
  return "agents/" + role + "/replays/" + name + ".json";
}

std::vector<std::string> replay_names(const std::string& folder, const std::string& role) {
  std::vector<std::string> names;
  std::error_code error;
  fs::directory_iterator entry(folder + "/agents/" + role + "/replays", error);
  for (const fs::directory_iterator end; !error && entry != end; entry.increment(error)) {
    if (entry->path().extension() == ".json") names.push_back(entry->path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> instance_names(const script::AgentEntry& entry) {
  std::vector<std::string> names = {entry.name};
  for (int number = 2; number <= entry.instances; ++number)
    names.push_back(entry.name + "#" + std::to_string(number));
  return names;
}

Status check_agent(const std::string& folder, const std::string& name) {
  auto swarm = script::read_swarm_manifest(folder + "/swarm.yaml");
  if (!swarm) return {};
  std::vector<std::string> known;
  for (const auto& entry : swarm->agents) {
    for (std::string& instance : instance_names(entry)) known.push_back(std::move(instance));
  }
  if (std::find(known.begin(), known.end(), name) != known.end()) return {};
  return failure("not_found", "no agent " + legible(name) + " in " + folder + "/swarm.yaml" +
                                  script::did_you_mean(name, known) + ": see `clade agent list`");
}

Result<run::Module> read_module(const std::string& folder, const std::string& path) {
  auto source = read_file(folder + "/" + path, 4u << 20);
  if (!source) return failure(source.error());
  return run::Module{std::move(*source), path};
}

Result<Modules> read_skills(const std::string& folder, const std::vector<std::string>& ids) {
  Modules modules;
  // Each with the skill that wants it, "" for those asked for.
  std::vector<std::pair<std::string, std::string>> wanted;
  for (const std::string& id : ids) wanted.emplace_back(id, "");
  while (!wanted.empty()) {
    const auto [id, by] = wanted.back();
    wanted.pop_back();
    if (modules.count(id)) continue;
    auto manifest = skill_manifest(folder, id);
    if (!manifest) {
      if (by.empty()) return failure(manifest.error());
      return failure(manifest.error().code, "skill " + by + " uses " + id + ": " + manifest.error().message);
    }
    auto below = skill_folder(id);
    auto module = read_module(folder, *below + "/init.lua");
    if (!module) return failure(module.error());
    modules.emplace(id, std::move(*module));
    for (const std::string& used : manifest->uses) wanted.emplace_back(used, id);
  }
  return modules;
}

}  // namespace clade::cli
