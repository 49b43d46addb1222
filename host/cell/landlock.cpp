#include "cell/landlock.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bytes.h"

namespace clade::cell {
namespace {

// The kernel's structure as of version 6; the headers that this is built with may know less.
struct Ruleset {
  uint64_t files;
  uint64_t ports;
  uint64_t scopes;
};

// What each version added.
struct VersionRights {
  uint64_t files;   // bits of handled_access_fs
  uint64_t ports;   // of handled_access_net
  uint64_t scopes;  // of scoped
  size_t size;      // of the structure it takes
};
constexpr std::array kVersions{
    VersionRights{0x1FFF, 0, 0, 8},   // 1: read, write, execute, make and remove of every kind
    VersionRights{0x2000, 0, 0, 8},   // 2: moving between folders
    VersionRights{0x4000, 0, 0, 8},   // 3: truncation
    VersionRights{0, 0x3, 0, 16},     // 4: bind and connect of TCP
    VersionRights{0x8000, 0, 0, 16},  // 5: ioctl on devices
    VersionRights{0, 0, 0x3, 24},     // 6: abstract Unix sockets, signals to the outside
};

}  // namespace

Result<int> landlock_deny_all() {
  const long version = syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 1) {
    return failure(
        "io",
        "needs Linux 5.13 or newer with CONFIG_SECURITY_LANDLOCK and `landlock` in the kernel's lsm= list: " +
            system_reason(errno));
  }
  Ruleset ruleset{};
  size_t size = 0;
  const size_t known = std::min(static_cast<size_t>(version), kVersions.size());
  for (size_t i = 0; i < known; ++i) {
    ruleset.files |= kVersions[i].files;
    ruleset.ports |= kVersions[i].ports;
    ruleset.scopes |= kVersions[i].scopes;
    size = kVersions[i].size;
  }
  const long descriptor = syscall(SYS_landlock_create_ruleset, &ruleset, size, 0);
  if (descriptor < 0) return failure("io", "cannot make a Landlock ruleset: " + system_reason(errno));
  return static_cast<int>(descriptor);
}

int landlock_restrict(int ruleset) {
  return static_cast<int>(syscall(SYS_landlock_restrict_self, ruleset, 0));
}

}  // namespace clade::cell
