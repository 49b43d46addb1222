#include "cli/folder.h"

#include <cstdlib>
#include <filesystem>

#include <pwd.h>
#include <unistd.h>

namespace clade::cli {
namespace {

namespace fs = std::filesystem;

bool holds_swarm(const fs::path& folder) {
  std::error_code ignored;
  return fs::exists(folder / "swarm.yaml", ignored);
}

}  // namespace

Result<std::string> find_swarm(const std::string& directory) {
  std::error_code error;
  if (!directory.empty()) {
    const fs::path folder = fs::canonical(directory, error);
    if (error) {
      return failure("usage", "cannot use the folder " + directory + ": " + error.message() +
                                  "; name a folder that holds swarm.yaml");
    }
    if (!fs::is_directory(folder, error)) {
      const bool manifest = folder.filename() == "swarm.yaml";
      return failure("usage", directory + " is a file: name the folder of a swarm, " +
                                  (manifest ? folder.parent_path().string() : "one that holds swarm.yaml"));
    }
    if (!holds_swarm(folder)) {
      return failure("usage", "no swarm.yaml in " + folder.string() +
                                  ": name a swarm's folder, or make one with `clade init " + directory + "`");
    }
    return folder.string();
  }
  const fs::path start = fs::current_path(error);
  if (error)
    return failure("usage",
                   "the current folder is gone: " + error.message() + "; change to a swarm's folder");
  for (fs::path folder = start;; folder = folder.parent_path()) {
    if (holds_swarm(folder)) return folder.string();
    if (folder == folder.root_path()) break;
  }
  return failure(
      "usage",
      "no swarm.yaml in " + start.string() +
          " or above: change to a swarm's folder, name it with -C DIR, or make one with `clade init DIR`");
}

std::string state_folder(const std::string& folder) {
  return folder + "/.clade";
}
std::string database_path(const std::string& folder) {
  return state_folder(folder) + "/clade.db";
}
std::string blobs_path(const std::string& folder) {
  return state_folder(folder) + "/blobs";
}
std::string socket_path(const std::string& folder) {
  return state_folder(folder) + "/socket";
}
std::string lock_path(const std::string& folder) {
  return state_folder(folder) + "/lock";
}
std::string ballast_path(const std::string& folder) {
  return state_folder(folder) + "/ballast";
}
std::string log_path(const std::string& folder) {
  return state_folder(folder) + "/clade.log";
}

std::string lost_database(const std::string& folder) {
  std::error_code ignored;
  // The host makes this folder once there is a database, and nothing takes it away.
  if (!fs::exists(blobs_path(folder), ignored)) return "";
  const std::string path = database_path(folder);
  if (!fs::exists(path, ignored)) return "it is not there";
  std::error_code error;
  return fs::file_size(path, error) == 0 && !error ? "it is empty" : "";
}

Result<store::Database> open_store_unread(const std::string& folder) {
  const std::string path = database_path(folder);
  if (const std::string lost = lost_database(folder); !lost.empty())
    return failure("lost", path + ": " + lost + ", but the swarm has been used: " + kLostAdvice);
  std::error_code ignored;
  if (!fs::exists(path, ignored)) {
    return failure("not_found", "no state yet in " + state_folder(folder) +
                                    ": start the swarm with `clade run " + folder + "`");
  }
  return store::Database::open(path, store::Database::Mode::read_only);
}

Result<store::Database> open_store(const std::string& folder) {
  auto database = open_store_unread(folder);
  if (!database) return database;
  const std::string path = database_path(folder);
  auto version = [&]() -> Result<int64_t> {
    auto query = database->prepare("PRAGMA user_version");
    if (auto row = query.step(); !row) return failure(row.error());
    return query.integer(0);
  }();
  if (!version) return failure(version.error());
  if (*version > store::schema_version()) {
    return failure("newer_schema", path + " was written by a newer clade (schema " +
                                       std::to_string(*version) + ", this one knows " +
                                       std::to_string(store::schema_version()) + "): use that version");
  }
  if (*version < store::schema_version()) {
    return failure("older_schema", path + " has schema " + std::to_string(*version) + ", this clade reads " +
                                       std::to_string(store::schema_version()) + ": `clade run " + folder +
                                       "` brings it up to date");
  }
  return database;
}

std::string operator_name() {
  if (const char* user = std::getenv("USER"); user && *user) return user;
  if (const passwd* account = getpwuid(getuid()); account && account->pw_name) return account->pw_name;
  return "operator";
}

}  // namespace clade::cli
