#include "script/catalogue.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>

#include "base/bytes.h"
#include "script/grants.h"
#include "script/nearest.h"
#include "script/yaml.h"

namespace clade::script {
namespace {

namespace fs = std::filesystem;

// Names of the folders (or, with an extension, of the files) right below a path, sorted; hidden ones left
// out.
std::vector<std::string> names_below(const fs::path& path, const std::string& extension = "") {
  std::vector<std::string> names;
  std::error_code code;
  for (fs::directory_iterator entry(path, code), end; !code && entry != end; entry.increment(code)) {
    const std::string name = entry->path().filename().string();
    if (name.starts_with('.')) continue;
    std::error_code ignored;
    if (extension.empty() ? entry->is_directory(ignored) : entry->path().extension() == extension)
      names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string kind_of(const std::string& name) {
  return name.substr(0, name.find(':'));
}

std::string rest_of(const std::string& name) {
  const size_t colon = name.find(':');
  return colon == std::string::npos ? "" : name.substr(colon + 1);
}

std::string skill_folder(const std::string& id) {
  const size_t dot = id.find('.');
  return "skills/" + id.substr(0, dot) + "/" + id.substr(dot + 1);
}

std::string manifest_path(const std::string& name) {
  if (kind_of(name) == "agent") return "agents/" + rest_of(name) + "/agent.yaml";
  return skill_folder(rest_of(name)) + "/skill.yaml";
}

const YamlNode* item_with(const YamlNode& list, const std::string& text) {
  for (const auto& item : list.items) {
    if (item.kind == YamlNode::Kind::scalar && item.scalar.is_string() && item.scalar.as_string() == text)
      return &item;
  }
  return nullptr;
}

// "agents/x/agent.yaml:3:10: ", where the script's manifest names the skill; without the place if the file
// has changed since it was read.
std::string place_of_use(const Catalogue& catalogue, const std::string& name, const std::string& id) {
  const std::string path = manifest_path(name);
  const auto root = load_yaml(catalogue.folder + "/" + path);
  const YamlNode* list = root ? root->find(kind_of(name) == "agent" ? "skills" : "uses") : nullptr;
  const YamlNode* item = list ? item_with(*list, id) : nullptr;
  return path +
         (item ? ":" + std::to_string(item->mark.line) + ":" + std::to_string(item->mark.column) : "") + ": ";
}

std::vector<std::string> ids_of(const std::map<std::string, SkillManifest>& skills) {
  std::vector<std::string> ids;
  ids.reserve(skills.size());
  for (const auto& [id, manifest] : skills) ids.push_back(id);
  return ids;
}

// Depth first, marking what is under way: meeting such a skill again closes a circle.
class Walk {
 public:
  explicit Walk(const Catalogue& catalogue) : catalogue_(catalogue) {}

  Status visit(const std::string& id) {
    if (done_.count(id)) return {};
    const auto again = std::find(path_.begin(), path_.end(), id);
    if (again != path_.end()) {
      std::string circle;
      for (auto step = again; step != path_.end(); ++step) circle += *step + " → ";
      return failure("cycle", "skills use each other in a circle: " + circle + id +
                                  ": take one `uses` out of " + manifest_path("skill:" + path_.back()));
    }
    const auto skill = catalogue_.skills.find(id);
    if (skill == catalogue_.skills.end()) {
      const std::string user = path_.empty() ? "" : place_of_use(catalogue_, "skill:" + path_.back(), id);
      return failure("not_found", user + "no skill \"" + id + "\"" +
                                      did_you_mean(id, ids_of(catalogue_.skills)) + ": add " +
                                      skill_folder(id) + ", or take it out");
    }
    path_.push_back(id);
    for (const auto& used : skill->second.uses) {
      if (auto status = visit(used); !status) return status;
    }
    path_.pop_back();
    done_.insert(id);
    order_.push_back(id);
    return {};
  }

  std::vector<std::string> order() && { return std::move(order_); }

 private:
  const Catalogue& catalogue_;
  std::vector<std::string> path_;
  std::set<std::string> done_;
  std::vector<std::string> order_;
};

Status check_needs(const Catalogue& catalogue, const std::string& role) {
  for (const auto& need : needs_of(catalogue, role)) {
    if (need.asked) continue;
    return failure("invalid",
                   place_of_use(catalogue, "agent:" + role, need.skill) + "the skill \"" + need.skill +
                       "\" needs the grant \"" + need.grant +
                       "\", which no grant of this file covers: add it under `grants` there, or do "
                       "without the skill");
  }
  return {};
}

}  // namespace

std::vector<std::string> skill_folders(const std::string& folder) {
  std::vector<std::string> ids;
  const fs::path skills = fs::path(folder) / "skills";
  for (const auto& layer : names_below(skills)) {
    for (const auto& name : names_below(skills / layer)) {
      const fs::path path = skills / layer / name;
      std::error_code ignored;
      if (fs::exists(path / "skill.yaml", ignored) || fs::exists(path / "init.lua", ignored)) {
        ids.push_back(layer + "." + name);
      }
    }
  }
  return ids;
}

std::vector<std::string> skill_parents(const std::string& folder) {
  std::vector<std::string> paths;
  const fs::path skills = fs::path(folder) / "skills";
  for (const auto& layer : names_below(skills)) {
    paths.push_back((skills / layer).string());
    for (const auto& name : names_below(skills / layer)) paths.push_back((skills / layer / name).string());
  }
  return paths;
}

std::vector<std::string> rule_files(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& file : names_below(fs::path(folder) / "scripts" / "govern", ".lua")) {
    names.push_back(file.substr(0, file.size() - 4));
  }
  return names;
}

Result<SkillManifest> read_skill_folder(const std::string& folder, const std::string& id) {
  const std::string path = folder + "/" + manifest_path("skill:" + id);
  auto manifest = read_skill_manifest(path);
  if (!manifest && manifest.error().code == "not_found") {
    return failure("not_found", path + " is missing: a skill needs one with at least `id: " + id + "`");
  }
  if (manifest && manifest->id != id) {
    return failure("invalid", path + ": the id \"" + manifest->id +
                                  "\" must be that of the folder: write `id: " + id +
                                  "`, or move the folder to " + skill_folder(manifest->id));
  }
  return manifest;
}

Result<AgentManifest> read_role_folder(const std::string& folder, const std::string& role) {
  const std::string path = folder + "/" + manifest_path("agent:" + role);
  auto manifest = read_agent_manifest(path);
  if (!manifest && manifest.error().code == "not_found") {
    return failure("not_found",
                   path + " is missing, and swarm.yaml has an agent of that role: `clade agent new " + role +
                       "` makes one, or take the agent out of swarm.yaml");
  }
  return manifest;
}

Result<Catalogue> read_catalogue(const std::string& folder) {
  Catalogue catalogue;
  catalogue.folder = folder;
  const std::string path = folder + "/swarm.yaml";
  auto swarm = read_swarm_manifest(path);
  if (!swarm && swarm.error().code == "not_found") {
    return failure("not_found", path + " is missing: `clade init " + folder + "` makes a swarm there");
  }
  if (!swarm) return failure(swarm.error());
  catalogue.swarm = std::move(*swarm);
  for (const auto& entry : catalogue.swarm.agents) {
    if (catalogue.roles.count(entry.role)) continue;
    auto manifest = read_role_folder(folder, entry.role);
    if (!manifest) return failure(manifest.error());
    catalogue.roles.emplace(entry.role, std::move(*manifest));
  }
  for (const auto& id : skill_folders(folder)) {
    auto manifest = read_skill_folder(folder, id);
    if (!manifest) return failure(manifest.error());
    catalogue.skills.emplace(id, std::move(*manifest));
  }
  catalogue.rules = rule_files(folder);
  return catalogue;
}

std::vector<std::string> direct_uses(const Catalogue& catalogue, const std::string& name) {
  if (kind_of(name) == "agent") {
    const auto role = catalogue.roles.find(rest_of(name));
    return role == catalogue.roles.end() ? std::vector<std::string>() : role->second.skills;
  }
  const auto skill = catalogue.skills.find(rest_of(name));
  const bool is_skill = kind_of(name) == "skill" && skill != catalogue.skills.end();
  return is_skill ? skill->second.uses : std::vector<std::string>();
}

Result<std::vector<std::string>> all_uses(const Catalogue& catalogue,
                                          const std::vector<std::string>& skills) {
  Walk walk(catalogue);
  for (const auto& id : skills) {
    if (auto status = walk.visit(id); !status) return failure(status.error());
  }
  return std::move(walk).order();
}

std::vector<Need> needs_of(const Catalogue& catalogue, const std::string& role) {
  std::vector<Need> needs;
  const auto manifest = catalogue.roles.find(role);
  if (manifest == catalogue.roles.end()) return needs;
  const auto& asked = manifest->second.grants;
  auto used = all_uses(catalogue, manifest->second.skills);
  if (!used) return needs;
  for (const auto& id : *used) {
    for (const auto& grant : catalogue.skills.at(id).grants) {
      const bool covered = std::any_of(asked.begin(), asked.end(),
                                       [&](const auto& wide) { return grant_includes(wide, grant); });
      needs.push_back({id, grant, covered});
    }
  }
  return needs;
}

Status check_uses(const Catalogue& catalogue, const std::string& name) {
  if (kind_of(name) == "rule") return {};
  // A skill is walked from itself, so that a circle through it is found.
  if (kind_of(name) == "skill") {
    auto order = all_uses(catalogue, {rest_of(name)});
    if (!order) return failure(order.error());
    for (const auto& [role, manifest] : catalogue.roles) {
      const auto used = all_uses(catalogue, manifest.skills);
      if (!used || std::find(used->begin(), used->end(), rest_of(name)) == used->end()) continue;
      if (auto status = check_needs(catalogue, role); !status) return status;
    }
    return {};
  }
  for (const auto& id : direct_uses(catalogue, name)) {
    auto order = all_uses(catalogue, {id});
    if (order) continue;
    const bool own = !catalogue.skills.count(id);
    return failure(order.error().code,
                   (own ? place_of_use(catalogue, name, id) : "") + order.error().message);
  }
  return check_needs(catalogue, rest_of(name));
}

Status check_all_uses(const Catalogue& catalogue) {
  for (const auto& name : script_names(catalogue)) {
    if (auto status = check_uses(catalogue, name); !status) return status;
  }
  for (const auto& goal : catalogue.swarm.goals.as_array()) {
    const std::string& id = goal["skill"].as_string();
    if (id.empty() || catalogue.skills.count(id)) continue;
    return failure("not_found", "swarm.yaml: the goal \"" + goal["name"].as_string() +
                                    "\" is about the skill \"" + id + "\", which is not there" +
                                    did_you_mean(id, ids_of(catalogue.skills)) + ": add " + skill_folder(id) +
                                    ", or change the goal");
  }
  return {};
}

std::vector<std::string> script_names(const Catalogue& catalogue) {
  std::vector<std::string> names;
  for (const auto& [id, manifest] : catalogue.skills) names.push_back("skill:" + id);
  for (const auto& [role, manifest] : catalogue.roles) names.push_back("agent:" + role);
  for (const auto& rule : catalogue.rules) names.push_back("rule:" + rule);
  return names;
}

std::string script_path(const std::string& name) {
  if (kind_of(name) == "agent") return "agents/" + rest_of(name) + "/init.lua";
  if (kind_of(name) == "skill") return skill_folder(rest_of(name)) + "/init.lua";
  return "scripts/govern/" + rest_of(name) + ".lua";
}

std::string needed_by(const Catalogue& catalogue, const std::string& name) {
  std::vector<std::string> users;
  if (kind_of(name) == "agent") {
    for (const auto& entry : catalogue.swarm.agents) {
      if (entry.role == rest_of(name)) users.push_back("agent \"" + entry.name + "\" of swarm.yaml");
    }
  } else {
    for (const auto& user : script_names(catalogue)) {
      const auto uses = direct_uses(catalogue, user);
      if (std::find(uses.begin(), uses.end(), rest_of(name)) == uses.end()) continue;
      users.push_back((kind_of(user) == "agent" ? "role \"" : "skill \"") + rest_of(user) + "\"");
    }
  }
  return users.empty() ? "" : join_words(users);
}

Status check_source(const std::string& source, const std::string& path) {
  if (source.find_first_not_of(" \t\r\n") == std::string::npos) {
    return failure("invalid", path + " is empty: a script returns a table");
  }
  if (source[0] == '\x1b') {
    return failure("invalid", path + " is compiled Lua, which is not run: give the source text");
  }
  if (source.size() > kSourceBytes) {
    return failure("invalid",
                   path + " is larger than the " + std::to_string(kSourceBytes) + " bytes of a script");
  }
  return {};
}

Result<std::string> read_source(const std::string& folder, const std::string& path) {
  auto source = read_file(folder + "/" + path, kSourceBytes);
  if (!source) return source;
  if (auto status = check_source(*source, path); !status) return failure(status.error());
  return source;
}

}  // namespace clade::script
