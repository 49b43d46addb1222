#include "run/program.h"

#include <algorithm>

#include "base/bytes.h"

namespace clade::run {
namespace {

std::string chunk_name(const std::string& path, const std::string& hash) {
  return path + "@" + short_hash(hash);
}

const script::Version* chosen(const Instead& instead, const std::string& name,
                              const script::Version* current) {
  const auto found = instead.find(name);
  return found == instead.end() ? current : found->second;
}

Result<Program> made_of(const script::Version& main, const std::string& agent,
                        const Result<std::map<std::string, const script::Version*>>& modules,
                        const Instead& instead) {
  if (!modules) return failure(modules.error());
  Program program;
  program.agent = agent;
  program.version = main.hash;
  program.main = {main.source, chunk_name(main.path, main.hash)};
  std::string hashes = agent + main.hash;
  for (const auto& [id, current] : *modules) {
    const auto* module = chosen(instead, "skill:" + id, current);
    program.modules[id] = {module->source, chunk_name(module->path, module->hash)};
    hashes += id + module->hash;
  }
  program.key = content_hash(hashes);
  return program;
}

Instead replaced_by(const script::Install& install) {
  Instead before;
  for (const auto& [name, version] : install.before) {
    if (version) before.emplace(name, &*version);
  }
  return before;
}

std::string combination_with(const script::Library& library, const std::string& role,
                             const Instead& instead) {
  const std::string name = "agent:" + role;
  const auto* version = chosen(instead, name, library.current(name));
  if (!version) return "";
  auto modules = library.closure(library.agent(role).skills);
  if (!modules) return "";
  Value pins = Value::Map();
  for (const auto& [id, module] : *modules) pins.set(id, chosen(instead, "skill:" + id, module)->hash);
  return combination_of(version->hash, pins);
}

tl::unexpected<Error> no_script(const std::string& role) {
  return failure("not_found", "the role " + role + " has no script: add agents/" + role + "/init.lua");
}

}  // namespace

std::string chunk_name(const script::Version& version) {
  return chunk_name(version.path, version.hash);
}

std::string combination_of(const std::string& version, const Value& pins) {
  std::string hashes = version;
  for (const auto& [skill, hash] : pins.as_map()) hashes += " " + skill + " " + hash.as_string();
  return content_hash(hashes);
}

std::string combination_of(const Program& program) {
  Value pins = Value::Map();
  for (const auto& [id, module] : program.modules) pins.set(id, content_hash(module.source));
  return combination_of(program.version, pins);
}

bool was_withdrawn(const script::Library& library, const std::string& role, const std::string& version,
                   const Value& pins) {
  const auto& skills = pins.as_map();
  return library.was_withdrawn("agent:" + role, version) ||
         std::any_of(skills.begin(), skills.end(), [&](const auto& pin) {
           return library.was_withdrawn("skill:" + pin.first, pin.second.as_string());
         });
}

std::string current_combination(const script::Library& library, const std::string& role) {
  return combination_with(library, role, {});
}

std::string combination_before(const script::Library& library, const std::string& role,
                               const script::Install& install) {
  return combination_with(library, role, replaced_by(install));
}

Result<Program> current_program(const script::Library& library, const std::string& role,
                                const std::string& agent, const Instead& candidates) {
  const std::string name = "agent:" + role;
  const auto* current = library.current(name);
  const auto* version = chosen(candidates, name, current);
  if (!version) return no_script(role);
  // The manifest on disk is the candidate's; the one in force is the current version's.
  const auto modules =
      library.closure(version == current ? library.agent(role).skills : library.uses(*version));
  return made_of(*version, agent, modules, candidates);
}

Result<Program> program_before(const script::Library& library, const std::string& role,
                               const std::string& agent, const script::Install& install) {
  const Instead before = replaced_by(install);
  const std::string name = "agent:" + role;
  const auto* version = chosen(before, name, library.current(name));
  if (!version) return no_script(role);
  return made_of(*version, agent, library.closure(library.agent(role).skills), before);
}

Result<Program> pinned_program(store::Database& database, const std::string& role, const std::string& agent,
                               const std::string& version, const Value& pins) {
  auto load = [&](const std::string& hash, const std::string& path) -> Result<Module> {
    auto source = script::version_source(database, hash);
    if (!source) return failure(source.error());
    return Module{std::move(*source), chunk_name(path, hash)};
  };
  Program program;
  program.agent = agent;
  program.version = version;
  auto main = load(version, "agents/" + role + "/init.lua");
  if (!main) return failure(main.error());
  program.main = std::move(*main);
  std::string hashes = agent + version;
  for (const auto& [skill, hash] : pins.as_map()) {
    std::string folder = skill;
    std::replace(folder.begin(), folder.end(), '.', '/');
    auto module = load(hash.as_string(), "skills/" + folder + "/init.lua");
    if (!module) return failure(module.error());
    program.modules[skill] = std::move(*module);
    hashes += skill + hash.as_string();
  }
  program.key = content_hash(hashes);
  return program;
}

}  // namespace clade::run
