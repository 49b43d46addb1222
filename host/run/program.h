// The program of a run: an agent's script and the skills it may require, at exact versions.
#pragma once

#include <map>
#include <string>

#include "base/result.h"
#include "base/value.h"
#include "run/executor.h"
#include "script/library.h"
#include "store/database.h"

namespace clade::run {

// A version's name in tracebacks: path@short hash.
std::string chunk_name(const script::Version& version);

// One name for an agent's script and its skills at exact versions, whichever instance runs them. `pins`:
// skill id → hash.
std::string combination_of(const std::string& version, const Value& pins);
std::string combination_of(const Program& program);
// Was one of these versions refused, undone or cut off since?
bool was_withdrawn(const script::Library& library, const std::string& role, const std::string& version,
                   const Value& pins);
// That of a role at its current versions, "" if it has no script or a skill is missing.
std::string current_combination(const script::Library& library, const std::string& role);

// Versions that a program is made of instead of those of the same names.
using Instead = std::map<std::string, const script::Version*>;

// The program of a role at its current versions, or with others in their place. `candidate` ones bring along
// what their manifests say as they are now. Errors: those of Library::closure, "not_found".
Result<Program> current_program(const script::Library& library, const std::string& role,
                                const std::string& agent, const Instead& candidates = {});
// That of what was in force before an install. Errors: the same.
Result<Program> program_before(const script::Library& library, const std::string& role,
                               const std::string& agent, const script::Install& install);
std::string combination_before(const script::Library& library, const std::string& role,
                               const script::Install& install);

// The program a former run was pinned to: the agent's script by hash, skills by id → hash. Errors:
// "not_found", those of the store.
Result<Program> pinned_program(store::Database& database, const std::string& role, const std::string& agent,
                               const std::string& version, const Value& pins);

}  // namespace clade::run
