#include "store/blob.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"

namespace clade::store {
namespace {

namespace fs = std::filesystem;

constexpr unsigned kFolderMode = 0700;
constexpr unsigned kFileMode = 0600;
constexpr size_t kHashDigits = 64;
constexpr const char* kDigits = "0123456789abcdef";

bool is_hash(std::string_view text) {
  return text.size() == kHashDigits && text.find_first_not_of(kDigits) == std::string_view::npos;
}

// The same error, with what to do about it.
tl::unexpected<Error> advised(Error error) {
  error.message += error.code == "no_space" ? ": free some space on this file system, then start again"
                                            : ": check the file, its permissions and its disk";
  return failure(std::move(error));
}

Error no_hash(const std::string& text) {
  return {"invalid", "\"" + text.substr(0, kHashDigits) + "\" is no hash of a blob"};
}

// True if the folder was made now.
Result<bool> make_folder(const std::string& path) {
  if (::mkdir(path.c_str(), kFolderMode) == 0) return true;
  const int number = errno;
  if (number == EEXIST) return false;
  const bool full = number == ENOSPC || number == EDQUOT;
  return advised({full ? "no_space" : "io", "cannot create " + path + ": " + system_reason(number)});
}

Status sync(const std::string& folder) {
  if (auto status = sync_folder(folder); !status) return advised(status.error());
  return {};
}

}  // namespace

std::string Blobs::path_of(const std::string& hash) const {
  return folder_ + "/" + hash.substr(0, 2) + "/" + hash;
}

Status Blobs::prepare() const {
  if (auto made = make_folder(folder_); !made) return failure(made.error());
  // Also of what a process made that was killed before it came to this.
  if (auto status = sync(fs::path(folder_).parent_path().string()); !status) return status;
  return sync(folder_);
}

Result<std::string> Blobs::put(std::string_view bytes) const {
  if (bytes.size() > kMostBlobBytes) {
    return failure("limit", "a value of " + std::to_string(bytes.size()) + " bytes is larger than the " +
                                std::to_string(kMostBlobBytes) + " that are kept");
  }
  std::string hash = content_hash(bytes);
  const std::string path = path_of(hash);
  const std::string group = fs::path(path).parent_path().string();
  if (get(hash)) {
    // It may have been renamed to its name by a process that was killed before it made sure of the name.
    if (auto status = sync(group); !status) return failure(status.error());
    return hash;
  }
  auto made = make_folder(group);
  if (!made) return failure(made.error());
  if (*made) {
    if (auto status = sync(folder_); !status) return failure(status.error());
  }
  if (auto status = write_file_atomic(path, bytes, kFileMode); !status) {
    // If the folder's sync failed, the next put shall not take the file for one that is kept.
    ::unlink(path.c_str());
    return advised(status.error());
  }
  return hash;
}

Result<std::string> Blobs::get(const std::string& hash) const {
  if (!is_hash(hash)) return failure(no_hash(hash));
  const std::string path = path_of(hash);
  auto bytes = read_file(path, kMostBlobBytes);
  const std::string restore =
      ": restore it from a backup (`clade db backup --help`); `clade db check` lists what else is wrong";
  if (!bytes && bytes.error().code == "not_found") {
    return failure("not_found", "the blob " + path + " is missing" + restore);
  }
  const bool too_long = !bytes && bytes.error().code == "limit";
  if (!bytes && !too_long) return advised(bytes.error());
  if (too_long || content_hash(*bytes) != hash) {
    return failure("corrupt",
                   "the blob " + path + " is damaged: it does not hold what its name says" + restore);
  }
  return bytes;
}

Status Blobs::check(const std::string& hash) const {
  if (auto bytes = get(hash); !bytes) return failure(bytes.error());
  return {};
}

Status Blobs::erase(const std::string& hash) const {
  if (!is_hash(hash)) return failure(no_hash(hash));
  const std::string path = path_of(hash);
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return advised({"io", "cannot remove " + path + ": " + system_reason(errno)});
}

Result<std::vector<BlobFile>> Blobs::list(int group) const {
  std::string digits;
  for (const int shift : {4, 0}) digits += kDigits[(group >> shift) & 15];
  const std::string folder = folder_ + "/" + digits;
  std::vector<BlobFile> files;
  std::error_code code;
  fs::directory_iterator entry(folder, code);
  if (code == std::errc::no_such_file_or_directory) return files;
  while (!code && entry != fs::directory_iterator()) {
    const std::string name = entry->path().filename().string();
    std::error_code vanished;
    const auto bytes = entry->file_size(vanished);
    const bool blob = is_hash(name) && name.compare(0, 2, digits) == 0;
    files.push_back({entry->path().string(), blob ? name : "", vanished ? 0 : bytes});
    entry.increment(code);
  }
  if (code) return advised({"io", "cannot read the folder " + folder + ": " + code.message()});
  std::sort(files.begin(), files.end(),
            [](const BlobFile& left, const BlobFile& right) { return left.path < right.path; });
  return files;
}

Result<std::vector<BlobColumn>> blob_columns(Database& database) {
  std::vector<BlobColumn> columns;
  auto query = database.prepare(
      "SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c "
      "WHERE t.type = 'table' AND (c.name = 'blob' OR c.name LIKE '%\\_blob' ESCAPE '\\') ORDER BY 1, 2");
  for (;;) {
    auto row = query.step();
    if (!row) return failure(row.error());
    if (!*row) return columns;
    columns.push_back({query.text(0), query.text(1)});
  }
}

Result<bool> is_blob_named(Database& database, const std::vector<BlobColumn>& columns,
                           const std::string& hash) {
  for (const auto& [table, column] : columns) {
    // The second condition is that of the index.
    auto query = database.prepare("SELECT 1 FROM \"" + table + "\" WHERE \"" + column + "\" = ? AND \"" +
                                  column + "\" <> '' LIMIT 1");
    query.bind(1, hash);
    auto row = query.step();
    if (!row) return failure(row.error());
    if (*row) return true;
  }
  return false;
}

}  // namespace clade::store
