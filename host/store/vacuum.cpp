#include "store/vacuum.h"

#include <algorithm>
#include <cerrno>

#include <unistd.h>

#include "base/bytes.h"

namespace clade::store {
namespace {

constexpr int kGroupsPerSlice = 16;
constexpr int kBlobSlices = Blobs::kGroups / kGroupsPerSlice;
constexpr int64_t kPagesPerSlice = 512;  // 2 MB, which go through the log
constexpr int64_t kIncremental = 2;

Result<int64_t> number(Database& database, const char* pragma) {
  auto query = database.prepare(std::string("PRAGMA ") + pragma);
  if (auto row = query.step(); !row) return failure(row.error());
  return query.integer(0);
}

struct Pages {
  int64_t bytes = 0;  // of one
  int64_t all = 0;
  int64_t free = 0;
};

Result<Pages> pages_of(Database& database) {
  Pages pages;
  const std::pair<const char*, int64_t*> fields[] = {
      {"page_size", &pages.bytes}, {"page_count", &pages.all}, {"freelist_count", &pages.free}};
  for (const auto& [pragma, field] : fields) {
    auto found = number(database, pragma);
    if (!found) return failure(found.error());
    *field = *found;
  }
  return pages;
}

Status remove_stray(const std::string& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return failure("io", "cannot remove " + path + ": " + system_reason(errno));
}

Result<Vacuumed> collect_slice(Database& writing, const std::string& path, const Blobs& blobs, int slice) {
  auto committed = Database::open(path, Database::Mode::read_only);
  if (!committed) return failure(committed.error());
  Vacuumed sum;
  for (int group = slice * kGroupsPerSlice; group < (slice + 1) * kGroupsPerSlice; ++group) {
    auto part = collect_blobs(writing, *committed, blobs, group);
    if (!part) return part;
    sum.blobs += part->blobs;
    sum.blob_bytes += part->blob_bytes;
  }
  return sum;
}

}  // namespace

Result<Vacuumed> collect_blobs(Database& writing, Database& committed, const Blobs& blobs, int group) {
  auto columns = blob_columns(writing);
  if (!columns) return failure(columns.error());
  auto files = blobs.list(group);
  if (!files) return failure(files.error());
  Vacuumed done;
  for (const auto& file : *files) {
    bool kept = false;
    for (Database* database : {&writing, &committed}) {
      if (file.hash.empty() || kept) continue;
      auto named = is_blob_named(*database, *columns, file.hash);
      if (!named) return failure(named.error());
      kept = *named;
    }
    if (kept) continue;
    if (auto status = file.hash.empty() ? remove_stray(file.path) : blobs.erase(file.hash); !status) {
      return failure(status.error());
    }
    ++done.blobs;
    done.blob_bytes += static_cast<int64_t>(file.bytes);
  }
  return done;
}

Result<Vacuumed> vacuum_slice(Database& writing, const std::string& path, const Blobs& blobs, int slice) {
  auto mode = number(writing, "auto_vacuum");
  if (!mode) return failure(mode.error());
  if (*mode != kIncremental) {
    return failure("refused",
                   "the state was made by an earlier clade and can only be vacuumed while no host runs: "
                   "`clade stop`, then `clade db vacuum`; after that it works beside a host too");
  }
  auto before = pages_of(writing);
  if (!before) return failure(before.error());
  Vacuumed done;
  if (slice < kBlobSlices) {
    auto collected = collect_slice(writing, path, blobs, slice);
    if (!collected) return collected;
    done = *collected;
  } else {
    if (auto status = writing.execute("PRAGMA incremental_vacuum(" + std::to_string(kPagesPerSlice) + ")");
        !status) {
      return failure(status.error());
    }
  }
  auto after = pages_of(writing);
  if (!after) return failure(after.error());
  done.bytes = (before->all - after->all) * after->bytes;
  // A slice that gives nothing back, though something is free, is the last one all the same.
  const bool ends = slice >= kBlobSlices && (after->free == 0 || done.bytes == 0);
  const bool last = ends || (slice + 1 == kBlobSlices && after->free == 0);
  done.next = last ? -1 : slice + 1;
  done.slices = std::max(slice + 1, kBlobSlices) +
                static_cast<int>((after->free + kPagesPerSlice - 1) / kPagesPerSlice);
  return done;
}

Result<Vacuumed> vacuum_all(Database& database, const std::string& path, const Blobs& blobs) {
  Vacuumed sum;
  for (int slice = 0; slice < kBlobSlices; ++slice) {
    auto part = collect_slice(database, path, blobs, slice);
    if (!part) return part;
    sum.blobs += part->blobs;
    sum.blob_bytes += part->blob_bytes;
  }
  auto before = pages_of(database);
  if (!before) return failure(before.error());
  if (auto status = database.execute("PRAGMA auto_vacuum = INCREMENTAL; VACUUM"); !status)
    return failure(status.error());
  if (auto status = database.checkpoint(true); !status) return failure(status.error());
  auto after = pages_of(database);
  if (!after) return failure(after.error());
  sum.bytes = (before->all - after->all) * after->bytes;
  return sum;
}

}  // namespace clade::store
