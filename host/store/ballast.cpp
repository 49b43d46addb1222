#include "store/ballast.h"

#include <cerrno>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"

namespace clade::store {
namespace {

constexpr int64_t kBlockBytes = 512;  // as st_blocks counts

bool is_whole(const std::string& path) {
  struct stat found {};
  return ::stat(path.c_str(), &found) == 0 && found.st_size == kBallastBytes &&
         int64_t{found.st_blocks} * kBlockBytes >= kBallastBytes;
}

Error no_room(const std::string& path) {
  std::error_code code;
  const auto space = std::filesystem::space(std::filesystem::path(path).parent_path(), code);
  const std::string left = code ? "too little" : "only " + std::to_string(space.available >> 20) + " MB";
  return {"no_space",
          "the file system of " + path + " is full: " + left + " of the " +
              std::to_string(kBallastBytes >> 20) +
              " MB is free that the host keeps in reserve. Nothing was changed: free some space, then "
              "start again"};
}

}  // namespace

Status Ballast::fill() const {
  if (is_whole(path_)) return {};
  const int file = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  int number = file < 0 ? errno : ::posix_fallocate(file, 0, kBallastBytes);
  if (file >= 0 && ::close(file) != 0 && number == 0) number = errno;
  if (number == 0) return {};
  (void)release();
  if (number == ENOSPC || number == EDQUOT) return failure(no_room(path_));
  return failure("io", "cannot reserve space in " + path_ + ": " + system_reason(number));
}

bool Ballast::release() const {
  return ::unlink(path_.c_str()) == 0;
}

}  // namespace clade::store
