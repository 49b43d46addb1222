#include "store/backup.h"

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <set>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"

namespace clade::store {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDatabase = "clade.db";
constexpr const char* kBlobs = "blobs";
constexpr unsigned kFolderMode = 0700;
// A blob can vanish while a copy is made only if no row names it any more: another moment's state will do.
constexpr int kAttempts = 3;

tl::unexpected<Error> failed(const std::string& what, const std::string& path, int number) {
  const bool full = number == ENOSPC || number == EDQUOT;
  return failure(full               ? "no_space"
                 : number == ENOENT ? "not_found"
                                    : "io",
                 what + " " + path + ": " + system_reason(number));
}

// Removes what is left of a copy that did not come to its end.
class Remains {
 public:
  explicit Remains(std::string path) : path_(std::move(path)) {}
  ~Remains() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Remains(const Remains&) = delete;
  Remains& operator=(const Remains&) = delete;

 private:
  std::string path_;
};

// Only what nobody but a backup could have put there is ever removed.
bool is_backup(const std::string& folder) {
  static const std::set<std::string> known = {kDatabase, kBlobs, std::string(kDatabase) + "-wal",
                                              std::string(kDatabase) + "-shm"};
  std::error_code code;
  if (!fs::is_directory(fs::symlink_status(folder, code)) || !fs::exists(folder + "/" + kDatabase, code)) {
    return false;
  }
  for (fs::directory_iterator entry(folder, code); !code && entry != fs::directory_iterator();
       entry.increment(code)) {
    if (known.count(entry->path().filename().string()) == 0) return false;
  }
  return !code;
}

Status check_target(const std::string& target, bool replace) {
  std::error_code code;
  const auto found = fs::symlink_status(target, code);
  if (!fs::exists(found)) return {};
  if (!replace) {
    return failure("conflict", target + " is there already: choose another name, or replace it with --force");
  }
  if (is_backup(target)) return {};
  return failure("conflict", target + " is no backup and stays as it is: choose another name");
}

Status check_copy(Database& copy, const std::string& path) {
  auto query = copy.prepare("PRAGMA quick_check(1)");
  auto row = query.step();
  if (!row) return failure(row.error());
  if (*row && query.text(0) == "ok") return {};
  return failure("corrupt", path + " is damaged (" + query.text(0) + "): `clade db check` tells the rest");
}

// The blobs that the copy names. The flag says that one is missing.
Result<int64_t> copy_blobs(Database& copy, const Blobs& from, const Blobs& to, bool& missing,
                           const BackupProgress& progress) {
  if (auto status = to.prepare(); !status) return failure(status.error());
  auto columns = blob_columns(copy);
  if (!columns) return failure(columns.error());
  int64_t count = 0;
  for (const auto& [table, column] : *columns) {
    const std::string quoted = "\"" + column + "\"";
    auto query = copy.prepare("SELECT DISTINCT " + quoted + ", count(*) OVER () FROM \"" + table +
                              "\" WHERE " + quoted + " <> ''");
    for (;;) {
      auto row = query.step();
      if (!row) return failure(row.error());
      if (!*row) break;
      auto bytes = from.get(query.text(0));
      missing = !bytes && bytes.error().code == "not_found";
      if (!bytes) return failure(bytes.error());
      if (auto kept = to.put(*bytes); !kept) return failure(kept.error());
      ++count;
      progress("copies blobs", static_cast<double>(count) / static_cast<double>(query.integer(1)));
    }
  }
  return count;
}

Result<Backup> copy_state(Database& source, const Blobs& blobs, const std::string& folder, bool& missing,
                          const BackupProgress& progress) {
  std::error_code code;
  fs::remove_all(folder, code);
  if (code) return failure("io", "cannot remove " + folder + ": " + code.message());
  if (::mkdir(folder.c_str(), kFolderMode) != 0) return failed("cannot create", folder, errno);
  const std::string path = folder + "/" + kDatabase;
  const auto told = [&](double done) { progress("copies the database", done); };
  if (auto status = source.copy_to(path, told); !status) return failure(status.error());
  Backup backup;
  {
    auto copy = Database::open(path, Database::Mode::read_only);
    if (!copy) return failure(copy.error());
    progress("checks the copy", 0);
    if (auto status = check_copy(*copy, path); !status) return failure(status.error());
    auto copied = copy_blobs(*copy, blobs, Blobs(folder + "/" + kBlobs), missing, progress);
    if (!copied) return failure(copied.error());
    backup.blobs = *copied;
  }
  backup.bytes = static_cast<int64_t>(fs::file_size(path, code));
  if (auto status = sync_folder(folder); !status) return failure(status.error());
  return backup;
}

// Puts the copy in its place; what was there is under the copy's name then, or gone.
Status put_in_place(const std::string& copy, const std::string& target, bool replace) {
  unsigned flags = RENAME_NOREPLACE;
  if (std::error_code ignored; replace && fs::exists(target, ignored)) flags = RENAME_EXCHANGE;
  if (::renameat2(AT_FDCWD, copy.c_str(), AT_FDCWD, target.c_str(), flags) == 0) return {};
  const int number = errno;
  if (number == EEXIST) return check_target(target, false);
  if (number != EINVAL && number != ENOSYS) return failed("cannot create", target, number);
  // A file system that knows neither: for a moment there is none of this name.
  std::error_code code;
  if (flags == RENAME_EXCHANGE) fs::remove_all(target, code);
  if (!code) fs::rename(copy, target, code);
  if (code) return failure("io", "cannot create " + target + ": " + code.message());
  return {};
}

}  // namespace

Result<Backup> back_up(Database& source, const Blobs& blobs, const std::string& target, bool replace,
                       const BackupProgress& progress) {
  std::error_code code;
  const fs::path place = fs::absolute(target, code).lexically_normal();
  const fs::path named = place.has_filename() ? place : place.parent_path();
  if (auto status = check_target(named.string(), replace); !status) return failure(status.error());
  const std::string parent = named.parent_path().string();
  if (!fs::is_directory(parent, code)) {
    return failure("not_found", "no folder " + parent + " to put the backup in: make it, or name another");
  }
  const std::string temporary = parent + "/." + named.filename().string() + ".clade-new";
  const Remains remains(temporary);
  Result<Backup> backup;
  for (int attempt = 1; attempt <= kAttempts; ++attempt) {
    bool missing = false;
    backup = copy_state(source, blobs, temporary, missing, progress);
    if (backup || !missing) break;
  }
  if (!backup) return backup;
  if (auto status = put_in_place(temporary, named.string(), replace); !status) return failure(status.error());
  if (auto status = sync_folder(parent); !status) return failure(status.error());
  return backup;
}

}  // namespace clade::store
