#include "store/check.h"

#include <algorithm>
#include <utility>

#include <sys/stat.h>

#include "base/bytes.h"

namespace clade::store {
namespace {

constexpr size_t kShownPerKind = 20;
constexpr const char* kRestore =
    "restore the state from a backup (`clade db backup --help` says how), or take out what can be read with "
    "`sqlite3 .clade/clade.db .recover`";
constexpr const char* kCollect = "`clade db vacuum` removes it";

// Every row of a check's answer, given to `each`.
Status rows(Database& database, const std::string& sql, const std::function<void(const Statement&)>& each) {
  auto query = database.prepare(sql);
  for (;;) {
    auto row = query.step();
    if (!row) return failure(row.error());
    if (!*row) return {};
    each(query);
  }
}

int64_t modified_at(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) return 0;
  return int64_t{found.st_mtim.tv_sec} * 1000 + found.st_mtim.tv_nsec / 1000000;
}

// What rows name, read through.
Result<int64_t> check_named(Database& database, const Blobs& blobs, const BlobColumn& place,
                            Findings& findings, const CheckProgress& progress) {
  int64_t read = 0;
  const std::string column = "\"" + place.column + "\"";
  auto status =
      rows(database, "SELECT DISTINCT " + column + " FROM \"" + place.table + "\" WHERE " + column + " <> ''",
           [&](const Statement& row) {
             progress("blobs", ++read);
             auto found = blobs.check(row.text(0));
             if (found) return;
             const auto& error = found.error();
             findings.add("blob " + error.code,
                          {false, "table " + place.table + ", column " + place.column, error.message,
                           "a blob is restored by copying its file from a backup"});
           });
  if (!status) return failure(status.error());
  return read;
}

Status check_unnamed(Database& database, const Blobs& blobs, const std::vector<BlobColumn>& columns,
                     const BlobCheck& options, Findings& findings) {
  for (int group = 0; group < Blobs::kGroups; ++group) {
    auto files = blobs.list(group);
    if (!files) return failure(files.error());
    for (const auto& file : *files) {
      if (modified_at(file.path) >= options.younger_than) continue;
      if (file.hash.empty()) {
        findings.add("stray file", {true, file.path, "it is no blob", kCollect});
        continue;
      }
      auto named = is_blob_named(database, columns, file.hash);
      if (!named) return failure(named.error());
      if (!*named) {
        findings.add(
            "orphan",
            {true, file.path, "no row names this blob (" + std::to_string(file.bytes) + " bytes)", kCollect});
      }
    }
  }
  return {};
}

}  // namespace

void Findings::add(const std::string& kind, Finding finding) {
  auto found = std::find_if(kinds_.begin(), kinds_.end(), [&](const Kind& one) { return one.name == kind; });
  if (found == kinds_.end()) found = kinds_.insert(kinds_.end(), Kind{kind, {}, 0});
  if (found->findings.size() < kShownPerKind) {
    found->findings.push_back(std::move(finding));
  } else {
    ++found->more;
  }
}

std::vector<Finding> Findings::take() {
  std::vector<Finding> all;
  for (auto& kind : std::exchange(kinds_, {})) {
    const bool warning = kind.findings.front().warning;
    const std::string advice = kind.findings.front().advice;
    std::move(kind.findings.begin(), kind.findings.end(), std::back_inserter(all));
    if (kind.more > 0) {
      all.push_back({warning, "elsewhere", std::to_string(kind.more) + " more of this kind", advice});
    }
  }
  return all;
}

void check_file(Database& database, Findings& findings, const CheckProgress& progress) {
  const auto unreadable = [&](const Status& status) {
    if (!status) findings.add("unreadable", {false, "the database", status.error().message, kRestore});
  };
  progress("the file", 0);
  unreadable(rows(database, "PRAGMA integrity_check", [&](const Statement& row) {
    if (row.text(0) != "ok") findings.add("integrity", {false, "the database", row.text(0), kRestore});
  }));
  progress("references", 0);
  unreadable(rows(database, "PRAGMA foreign_key_check", [&](const Statement& row) {
    findings.add("reference",
                 {false, "table " + row.text(0),
                  "a row names something in table " + row.text(2) + " that is not there", kRestore});
  }));
}

Result<int64_t> check_blobs(Database& database, const Blobs& blobs, const BlobCheck& options,
                            Findings& findings, const CheckProgress& progress) {
  auto columns = blob_columns(database);
  if (!columns) return failure(columns.error());
  int64_t read = 0;
  for (const auto& place : *columns) {
    auto found = check_named(database, blobs, place, findings, progress);
    if (!found) return failure(found.error());
    read += *found;
  }
  if (auto status = check_unnamed(database, blobs, *columns, options, findings); !status) {
    return failure(status.error());
  }
  return read;
}

}  // namespace clade::store
