#include "support/syncs.h"

#include <atomic>
#include <cstdlib>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace bench {
namespace {

using Counter = std::atomic<uint64_t>;

Counter& counter() {
  static Counter* const only = []() -> Counter* {
    static Counter own{0};
    const char* path = std::getenv(kSyncsVariable);
    const int file = path ? ::open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0) return &own;
    void* memory = ::mmap(nullptr, sizeof(Counter), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    ::close(file);
    return memory == MAP_FAILED ? &own : static_cast<Counter*>(memory);
  }();
  return *only;
}

}  // namespace

uint64_t syncs() {
  return counter().load();
}

}  // namespace bench

extern "C" int fdatasync(int file) {
  ++bench::counter();
  return static_cast<int>(::syscall(SYS_fdatasync, file));
}
