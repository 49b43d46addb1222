#include "run/file_write.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include <strings.h>

#include "base/bytes.h"

namespace clade::run {
namespace {

namespace fs = std::filesystem;

// Scripts change by publishing; the rest is the operator's or the host's.
constexpr const char* kClosed[] = {".clade", "agents", "skills", "scripts", "swarm.yaml"};
// Closed at any depth: git runs what the config of a repository names.
constexpr const char* kRepository = ".git";

struct Place {
  std::string folder;
  std::string path;  // below it
};

// Where a file that scripts call `path` lies. A report folder in the swarm's own is a part like any other
// that scripts may have replaced; one elsewhere is the operator's, links and all.
Place place_of(const Kernel& kernel, const std::string& path) {
  const std::string report = "report/";
  if (path.rfind(report, 0) != 0 || kernel.report == kernel.folder + "/report") return {kernel.folder, path};
  return {kernel.report, path.substr(report.size())};
}

// Some file systems take "Agents" for "agents".
bool same_name(const fs::path& name, const char* other) {
  return strcasecmp(name.c_str(), other) == 0;
}

Status check_open(const Kernel& kernel, const Place& place) {
  std::error_code code;
  const fs::path root = fs::weakly_canonical(fs::absolute(kernel.folder, code), code);
  if (code) return failure("io", "cannot resolve " + kernel.folder + ": " + code.message());
  // The report folder may be any, also one of the swarm's: what counts is where a file ends up.
  const fs::path path = fs::weakly_canonical(fs::absolute(place.folder, code), code) / place.path;
  if (code) return failure("io", "cannot resolve " + place.folder + ": " + code.message());
  const fs::path below = path.lexically_relative(root);  // not empty: both are absolute
  const bool elsewhere = *below.begin() == "..";
  const fs::path parts = elsewhere ? fs::path(place.path) : below;
  const bool repository = std::any_of(parts.begin(), parts.end(),
                                      [](const fs::path& part) { return same_name(part, kRepository); });
  if (repository) return failure("refused", std::string(kRepository) + " is closed to it");
  if (elsewhere) return {};
  for (const char* closed : kClosed) {
    std::error_code ignored;
    if (same_name(*below.begin(), closed) || fs::equivalent(root / *below.begin(), root / closed, ignored)) {
      return failure("refused", std::string(closed) + " is closed to it");
    }
  }
  return {};
}

}  // namespace

Status check_file(const Kernel& kernel, const std::string& path) {
  const Place place = place_of(kernel, path);
  if (auto status = check_file_below(place.folder, place.path); !status) return status;
  return check_open(kernel, place);
}

Status write_file(const Kernel& kernel, const std::string& path, const std::string& content) {
  const Place place = place_of(kernel, path);
  if (auto status = check_open(kernel, place); !status) return status;
  if (place.folder == kernel.report) {
    if (auto status = make_folders(kernel.report); !status) return status;
  }
  return write_file_below(place.folder, place.path, content);
}

Result<UnwrittenFiles> unwritten_files(store::Database& reader) {
  auto query = reader.prepare(
      "SELECT count(*) FILTER (WHERE done = 2), count(*) FILTER (WHERE done = 0) "
      "FROM file_write");
  auto row = query.step();
  if (!row) return failure(row.error());
  return UnwrittenFiles{query.integer(0), query.integer(1)};
}

}  // namespace clade::run
