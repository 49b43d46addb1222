#include "base/bytes.h"

#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

namespace clade {
namespace {

// An open descriptor, closed when it leaves scope.
class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

tl::unexpected<Error> io_failure(const std::string& what, const std::string& path) {
  const int number = errno;
  const char* code = number == ENOENT                       ? "not_found"
                     : number == ENOSPC || number == EDQUOT ? "no_space"
                                                            : "io";
  return failure(code, what + " " + path + ": " + system_reason(number));
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
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return io_failure("cannot read", path);
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

Status write_file_atomic(const std::string& path, std::string_view bytes, unsigned mode) {
  const std::string temporary = path + ".tmp" + std::to_string(::getpid());
  {
    const File file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
    if (file.get() < 0) return io_failure("cannot write", temporary);
    size_t written = 0;
    while (written < bytes.size()) {
      const ssize_t count = ::write(file.get(), bytes.data() + written, bytes.size() - written);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) {
        auto error = io_failure("cannot write", temporary);
        ::unlink(temporary.c_str());
        return error;
      }
      written += static_cast<size_t>(count);
    }
    if (::fsync(file.get()) != 0) return io_failure("cannot sync", temporary);
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    auto error = io_failure("cannot replace", path);
    ::unlink(temporary.c_str());
    return error;
  }
  const auto folder = std::filesystem::path(path).parent_path().string();
  const File directory(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0 || ::fsync(directory.get()) != 0) return io_failure("cannot sync", folder);
  return {};
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

std::string system_reason(int error_number) {
  return std::generic_category().message(error_number);
}

}  // namespace clade
