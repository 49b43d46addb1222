// Large values in files of their own, named by what they hold: `blobs/ab/abcdef…` (content_hash). A file is
// on disk before the row that names it commits, and is erased only after no row on disk names it any more:
// what a crash leaves is a file that nothing names, never a row that names nothing.
//
// A column whose name is `blob` or ends in `_blob` holds such a hash as TEXT, '' or NULL for none; garbage
// collection and `clade db check` find the columns by their names. Each has an index of its own: `CREATE
// INDEX TABLE_COLUMN ON TABLE (COLUMN) WHERE COLUMN <> ''`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/database.h"

namespace clade::store {

// Values larger than this go into files.
inline constexpr size_t kBlobBytes = 64u << 10;
// What a blob may have at most.
inline constexpr size_t kMostBlobBytes = 1u << 30;

// A file below the folder of blobs.
struct BlobFile {
  std::string path;
  std::string hash;  // its name says; "" if it is no blob's name, or does not lie where that blob would
  uint64_t bytes = 0;
};

// Keeps no state: several may work on one folder. Thread: put and erase on the writer's only, which keeps a
// blob that is put again from being erased; the rest on any.
class Blobs {
 public:
  // `folder` as in "DIR/.clade/blobs"; nothing is made yet.
  explicit Blobs(std::string folder) : folder_(std::move(folder)) {}

  // Makes the folder (mode 0700) where it is missing, so that it and the folders in it survive a loss of
  // power. Once, before the first put. Errors: "io", "no_space".
  Status prepare() const;

  // Keeps the bytes and returns their hash; once it returns, they survive a loss of power. To be called
  // inside the change that writes the row, before that. Bytes that are there already are written again only
  // if they are damaged. Errors: "limit" (over kMostBlobBytes), "io", "no_space", each with the path and what
  // to do.
  Result<std::string> put(std::string_view bytes) const;
  // The bytes. Errors: "not_found" (no such file), "corrupt" (they are not what the name says), "io",
  // "invalid" (this is no hash); each but the last with the path and what to do.
  Result<std::string> get(const std::string& hash) const;
  // Is it there, whole? Reads it. Errors: those of get.
  Status check(const std::string& hash) const;
  // Removes a blob; no error if there is none. Only when no row on disk names it. Errors: "io", "invalid".
  Status erase(const std::string& hash) const;

  // The files whose names begin with the two digits "ab", sorted; `group` 0 … 255. Beside blobs there may be
  // what a crash left while writing one. Errors: "io".
  Result<std::vector<BlobFile>> list(int group) const;
  static constexpr int kGroups = 256;

  const std::string& folder() const { return folder_; }

 private:
  std::string path_of(const std::string& hash) const;

  std::string folder_;
};

// A column that names blobs.
struct BlobColumn {
  std::string table;
  std::string column;
};

// Those of the schema. Errors: those of Statement.
Result<std::vector<BlobColumn>> blob_columns(Database& database);
// Does any row, as this connection sees it, name the blob? Errors: those of Statement.
Result<bool> is_blob_named(Database& database, const std::vector<BlobColumn>& columns,
                           const std::string& hash);

}  // namespace clade::store
