// The program of a run: an agent's script and the skills it may require, at exact versions.
#pragma once

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
// That of a role at its current versions, "" if it has no script or a skill is missing.
std::string current_combination(const script::Library& library, const std::string& role);

// The program of a role at its current versions, or with `candidate` in the place of the version of the same
// name. Errors: those of Library::closure, "not_found".
Result<Program> current_program(const script::Library& library, const std::string& role,
                                const std::string& agent, const script::Version* candidate = nullptr);

// The program a former run was pinned to: the agent's script by hash, skills by id → hash. Errors:
// "not_found", those of the store.
Result<Program> pinned_program(store::Database& database, const std::string& role, const std::string& agent,
                               const std::string& version, const Value& pins);

}  // namespace clade::run
