// Which swarm a command is about, and its state on disk.
#pragma once

#include <string>

#include "base/result.h"
#include "store/database.h"

namespace clade::cli {

// The swarm's folder as an absolute path: `directory` when given (it must hold swarm.yaml), otherwise the
// current folder or the nearest parent with swarm.yaml. Errors: "usage" (there is none: says how to make
// one).
Result<std::string> find_swarm(const std::string& directory);

// Paths below DIR/.clade.
std::string state_folder(const std::string& folder);
std::string database_path(const std::string& folder);
std::string blobs_path(const std::string& folder);
std::string socket_path(const std::string& folder);
std::string lock_path(const std::string& folder);
std::string ballast_path(const std::string& folder);
std::string log_path(const std::string& folder);

// "it is not there" or "it is empty" if the database of a swarm that has been used is; "" otherwise.
std::string lost_database(const std::string& folder);
// What to do about that.
inline constexpr const char* kLostAdvice =
    "restore the state from a backup (`clade db backup --help` says how), or move .clade away to start "
    "afresh";

// The store for reading, host running or not. Errors: "not_found" (no host ever ran here), "lost" (see
// lost_database), "newer_schema", "io".
Result<store::Database> open_store(const std::string& folder);

// The same, whatever clade wrote it: for copying it. Errors: "not_found", "lost", "io".
Result<store::Database> open_store_unread(const std::string& folder);

// The name of whoever types: $USER, the account's name, or "operator".
std::string operator_name();

}  // namespace clade::cli
