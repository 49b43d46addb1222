#include "run/program.h"

#include <algorithm>

#include "base/bytes.h"

namespace clade::run {
namespace {

std::string chunk_name(const std::string& path, const std::string& hash) {
  return path + "@" + short_hash(hash);
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

std::string current_combination(const script::Library& library, const std::string& role) {
  const auto* version = library.current("agent:" + role);
  if (!version) return "";
  auto modules = library.closure(library.agent(role).skills);
  if (!modules) return "";
  Value pins = Value::Map();
  for (const auto& [id, module] : *modules) pins.set(id, module->hash);
  return combination_of(version->hash, pins);
}

Result<Program> current_program(const script::Library& library, const std::string& role,
                                const std::string& agent, const script::Version* candidate) {
  const std::string name = "agent:" + role;
  const auto* version = candidate && candidate->name == name ? candidate : library.current(name);
  if (!version)
    return failure("not_found", "the role " + role + " has no script: add agents/" + role + "/init.lua");
  // The manifest on disk is the candidate's; the one in force is the current version's.
  auto modules =
      library.closure(version == candidate ? library.uses(*candidate) : library.agent(role).skills);
  if (!modules) return failure(modules.error());
  Program program;
  program.agent = agent;
  program.version = version->hash;
  program.main = {version->source, chunk_name(*version)};
  std::string hashes = agent + version->hash;
  for (const auto& [id, current] : *modules) {
    const auto* module = candidate && candidate->name == "skill:" + id ? candidate : current;
    program.modules[id] = {module->source, chunk_name(*module)};
    hashes += id + module->hash;
  }
  program.key = content_hash(hashes);
  return program;
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
