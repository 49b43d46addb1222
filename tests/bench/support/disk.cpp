#include "support/disk.h"

#include <array>
#include <filesystem>

#include <fcntl.h>
#include <unistd.h>

#include "support/print.h"
#include "support/swarm.h"

namespace bench {
namespace {

constexpr int64_t kForUs = 1000000;

}  // namespace

void print_disk(const std::string& part) {
  const std::string path = scratch(part + "-disk");
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) fail("cannot make " + path);
  constexpr std::array<char, 512> kBytes{};
  const int64_t begun = steady_us();
  int64_t spent = 0;
  int count = 0;
  for (; spent < kForUs; ++count, spent = steady_us() - begun) {
    if (::write(file, kBytes.data(), kBytes.size()) < 0 || ::fdatasync(file) != 0)
      fail("cannot write " + path);
  }
  ::close(file);
  std::filesystem::remove(path);
  print(part + "_disk", count * 1e6 / static_cast<double>(spent), "1/s", "higher");
}

}  // namespace bench
