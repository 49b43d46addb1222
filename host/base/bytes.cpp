#include "base/bytes.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sodium.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace clade {
namespace {

constexpr int kFolderFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
constexpr unsigned kFileMode = 0644;
constexpr unsigned kFolderMode = 0755;
constexpr int kAttempts = 100;  // at a name that others take away again and again

// An open descriptor, closed when it leaves scope.
class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(File&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  File& operator=(File&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

tl::unexpected<Error> io_failure(const std::string& what, const std::string& path) {
  const int number = errno;
  const std::string message = what + " " + path + ": " + system_reason(number);
  if (number == ENOSPC || number == EDQUOT)
    return failure("no_space", message + ": free some space on this file system, then start again");
  return failure(number == ENOENT ? "not_found" : "io", message);
}

Result<std::string> read_to_end(const File& file, const std::string& path, size_t limit) {
  std::string bytes;
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t count = ::read(file.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return io_failure("cannot read", path);
    if (count == 0) return bytes;
    bytes.append(buffer.data(), static_cast<size_t>(count));
    if (bytes.size() > limit) {
      return failure("limit", path + " is larger than the " + std::to_string(limit) + " bytes allowed");
    }
  }
}

// Does this name still lead to this open file?
bool is_named(const File& directory, const std::string& name, const File& file) {
  struct stat named {};
  struct stat open {};
  return ::fstatat(directory.get(), name.c_str(), &named, AT_SYMLINK_NOFOLLOW) == 0 &&
         ::fstat(file.get(), &open) == 0 && named.st_dev == open.st_dev && named.st_ino == open.st_ino;
}

// Takes away what is called `name`, unless a process that writes it holds its lock. What is no file is
// nobody's.
bool clear_leftover(const File& directory, const std::string& name) {
  const File file(::openat(directory.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (file.get() >= 0) {
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) return false;
    if (!is_named(directory, name, file)) return true;
  }
  return ::unlinkat(directory.get(), name.c_str(), 0) == 0 || errno == ENOENT;
}

// A new, empty, locked file. One name per target, so that what a crash leaves is found again: not a number,
// which would be another one each time.
Result<File> make_temporary(const File& directory, const std::string& name, const std::string& path,
                            unsigned mode) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    File file(::openat(directory.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (file.get() < 0) {
      if (errno != EEXIST) return io_failure("cannot write", path);
      if (!clear_leftover(directory, name)) {
        return failure("io", "cannot write " + path + ": its temporary file " + name + " is in use");
      }
      continue;
    }
    // Another writer may have taken it for a leftover before it was locked.
    if (::flock(file.get(), LOCK_EX | LOCK_NB) == 0 && is_named(directory, name, file)) return file;
  }
  return failure("io", "cannot write " + path + ": its temporary file " + name + " is taken away each time");
}

Status write_and_rename(const File& directory, const File& file, const std::string& temporary,
                        const std::string& name, const std::string& path, std::string_view bytes) {
  size_t written = 0;
  while (written < bytes.size()) {
    const ssize_t count = ::write(file.get(), bytes.data() + written, bytes.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return io_failure("cannot write", path);
    written += static_cast<size_t>(count);
  }
  if (::fsync(file.get()) != 0) return io_failure("cannot sync", path);
  if (::renameat(directory.get(), temporary.c_str(), directory.get(), name.c_str()) != 0) {
    return io_failure("cannot replace", path);
  }
  return {};
}

// `path` is what people call the file.
Status replace_file(const File& directory, const std::string& name, const std::string& path,
                    std::string_view bytes, unsigned mode) {
  const std::string temporary = "." + name + ".clade-new";
  auto file = make_temporary(directory, temporary, path, mode);
  if (!file) return failure(file.error());
  if (auto status = write_and_rename(directory, *file, temporary, name, path, bytes); !status) {
    ::unlinkat(directory.get(), temporary.c_str(), 0);
    return status;
  }
  if (::fsync(directory.get()) != 0) return io_failure("cannot sync the folder of", path);
  return {};
}

Error refused(const std::string& path, const std::string& reason) {
  return {"refused", "cannot write \"" + path + "\": " + reason};
}

Result<std::vector<std::string>> plain_parts(const std::string& path) {
  std::vector<std::string> parts;
  size_t start = 0;
  while (start <= path.size()) {
    const size_t end = std::min(path.find('/', start), path.size());
    parts.push_back(path.substr(start, end - start));
    start = end + 1;
    if (parts.back().empty()) {
      return failure(refused(path,
                             "it has an empty part; give a path like report/notes.md, with no slash at "
                             "either end"));
    }
    if (parts.back() == "." || parts.back() == "..") {
      return failure(refused(path, "\"" + parts.back() + "\" cannot be a part of it"));
    }
  }
  return parts;
}

// The folder that holds the last of `parts`. Each step starts from an open folder, so it does not matter what
// is renamed or replaced meanwhile. Without `make`, fails with "not_found" when there is none.
Result<File> open_below(const std::string& folder, const std::vector<std::string>& parts,
                        const std::string& path, bool make) {
  File directory(::open(folder.c_str(), kFolderFlags));
  if (directory.get() < 0) return io_failure("cannot write in", folder);
  for (size_t index = 0; index + 1 < parts.size(); ++index) {
    const char* part = parts[index].c_str();
    if (make && ::mkdirat(directory.get(), part, kFolderMode) == 0) {
      if (::fsync(directory.get()) != 0) return io_failure("cannot sync the folder of", path);
    } else if (make && errno != EEXIST) {
      return io_failure("cannot create " + parts[index] + " for", folder + "/" + path);
    }
    File next(::openat(directory.get(), part, kFolderFlags | O_NOFOLLOW));
    if (next.get() < 0) {
      const int reason = errno;
      struct stat found {};
      if (::fstatat(directory.get(), part, &found, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(found.st_mode)) {
        return failure(refused(
            path, "\"" + parts[index] + "\" is " +
                      (S_ISLNK(found.st_mode) ? "a symbolic link, which is not followed" : "no folder")));
      }
      errno = reason;
      return io_failure("cannot write", folder + "/" + path);
    }
    directory = std::move(next);
  }
  return directory;
}

Status check_no_folder(const File& directory, const std::string& name, const std::string& path) {
  struct stat found {};
  if (::fstatat(directory.get(), name.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(found.st_mode)) {
    return failure(refused(path, "it is a folder; name a file in it"));
  }
  return {};
}

}  // namespace

std::string content_hash(std::string_view bytes) {
  std::array<unsigned char, 32> hash{};
  crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(bytes.data()),
                     bytes.size(), nullptr, 0);
  std::array<char, 65> text{};
  sodium_bin2hex(text.data(), text.size(), hash.data(), hash.size());
  return text.data();
}

std::string short_hash(std::string_view hash) {
  return std::string(hash.substr(0, 12));
}

Result<std::string> read_file(const std::string& path, size_t limit) {
  const File file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  struct stat found {};
  if (file.get() < 0 || ::fstat(file.get(), &found) != 0) return io_failure("cannot read", path);
  if (S_ISFIFO(found.st_mode)) return failure("io", "cannot read " + path + ": it is a pipe, not a file");
  return read_to_end(file, path, limit);
}

Result<std::string> read_stream(const std::string& path, size_t limit) {
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return io_failure("cannot read", path);
  return read_to_end(file, path, limit);
}

Status write_file_atomic(const std::string& path, std::string_view bytes, unsigned mode) {
  const size_t slash = path.rfind('/');
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const File directory(::open(folder.c_str(), kFolderFlags));
  if (directory.get() < 0) return io_failure("cannot write", path);
  return replace_file(directory, name, path, bytes, mode);
}

Status write_file_below(const std::string& folder, const std::string& path, std::string_view bytes) {
  auto parts = plain_parts(path);
  if (!parts) return failure(parts.error());
  auto directory = open_below(folder, *parts, path, true);
  if (!directory) return failure(directory.error());
  if (auto status = check_no_folder(*directory, parts->back(), path); !status) return status;
  return replace_file(*directory, parts->back(), folder + "/" + path, bytes, kFileMode);
}

Status check_file_below(const std::string& folder, const std::string& path) {
  auto parts = plain_parts(path);
  if (!parts) return failure(parts.error());
  auto directory = open_below(folder, *parts, path, false);
  if (!directory) return directory.error().code == "not_found" ? Status() : failure(directory.error());
  return check_no_folder(*directory, parts->back(), path);
}

Status make_folders(const std::string& path, unsigned mode) {
  std::error_code code;
  const auto parent = std::filesystem::path(path).parent_path();
  if (!parent.empty()) std::filesystem::create_directories(parent, code);
  if (code) return failure("io", "cannot create " + parent.string() + ": " + code.message());
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) return io_failure("cannot create", path);
  if (!std::filesystem::is_directory(path, code)) return failure("io", path + " exists and is no folder");
  return {};
}

Status sync_folder(const std::string& path) {
  const File directory(::open(path.c_str(), kFolderFlags));
  if (directory.get() < 0 || ::fsync(directory.get()) != 0) return io_failure("cannot sync the folder", path);
  return {};
}

std::string system_reason(int error_number) {
  return std::generic_category().message(error_number);
}

}  // namespace clade
