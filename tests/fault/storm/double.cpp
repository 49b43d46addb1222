// A double of the system's calls, loaded into the host before the C library (LD_PRELOAD): calls on the files
// of the store fail when the storm orders it, and the time of day is what the storm says. It also knows what
// is not synced yet: the system keeps that over the end of the host, a disk without power does not.
#include "double.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

namespace {

using storm::Blow;
using storm::Orders;

constexpr int64_t kNanoseconds = 1000000000;

// A write that no sync has followed.
struct Unsynced {
  off64_t offset;
  std::string before;  // what was there
  off64_t size;        // of the file
};

struct Double {
  // As a file is first closed by its last owner, names of the store's files are looked up with every call.
  std::mutex mutex;
  std::map<std::string, std::vector<Unsynced>> unsynced;  // by path; guarded by mutex
};

// Nothing here may depend on when the constructors of other objects run.
Double& double_of_process() {
  static auto* const only = new Double;
  return *only;
}

Orders* orders() {
  static Orders* const mapped = []() -> Orders* {
    const char* path = std::getenv(storm::kOrdersVariable);
    const int descriptor = path ? ::open(path, O_RDWR | O_CLOEXEC) : -1;
    if (descriptor < 0) return nullptr;
    void* memory = ::mmap(nullptr, sizeof(Orders), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    ::close(descriptor);
    return memory == MAP_FAILED ? nullptr : static_cast<Orders*>(memory);
  }();
  return mapped;
}

template <typename Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

ssize_t real_pwrite(int file, const void* bytes, size_t size, off64_t offset) {
  static const auto call = next<ssize_t (*)(int, const void*, size_t, off64_t)>("pwrite64");
  return call(file, bytes, size, offset);
}

ssize_t real_pread(int file, void* bytes, size_t size, off64_t offset) {
  static const auto call = next<ssize_t (*)(int, void*, size_t, off64_t)>("pread64");
  return call(file, bytes, size, offset);
}

// The path of a file of the store: the database or its log; "" of any other.
std::string store_path(int file) {
  const std::string link = "/proc/self/fd/" + std::to_string(file);
  char path[4096];
  const ssize_t size = ::readlink(link.c_str(), path, sizeof path);
  if (size <= 0) return "";
  std::string text(path, static_cast<size_t>(size));
  for (const char* name : {"/clade.db", "/clade.db-wal"}) {
    const size_t length = std::strlen(name);
    if (text.size() > length && text.compare(text.size() - length, length, name) == 0) return text;
  }
  return "";
}

// Takes back what was written and not synced: each write or not, as a coin says. Holds the mutex.
void lose_unsynced(Double& self, uint32_t seed) {
  std::srand(seed);
  for (auto& [path, writes] : self.unsynced) {
    const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    if (file < 0) continue;
    for (auto write = writes.rbegin(); write != writes.rend(); ++write) {
      if (std::rand() % 3 == 0) continue;
      (void)!real_pwrite(file, write->before.data(), write->before.size(), write->offset);
      if (write == writes.rend() - 1) (void)!::ftruncate(file, write->size);
    }
    ::close(file);
    writes.clear();
  }
}

// True if this call fails, with errno set. Counts it, and does whatever the orders say.
bool hit(storm::Call call) {
  Orders* const given = orders();
  if (!given) return false;
  const Blow blow = given->blow.load();
  if (blow == Blow::none || (given->calls & call) == 0) return false;
  const int32_t left = given->countdown.fetch_sub(1);
  if (left > 0 || (left < 0 && blow != Blow::fail_always)) return false;
  ++given->hits;
  ::usleep(given->delay_us);
  if (blow == Blow::power_cut || blow == Blow::fail_losing) {
    Double& self = double_of_process();
    const std::lock_guard lock(self.mutex);
    lose_unsynced(self, given->seed);
    if (blow == Blow::power_cut) {
      ::kill(::getpid(), SIGKILL);
      for (;;) ::pause();
    }
  }
  errno = given->error;
  return true;
}

void remember(int file, const std::string& path, size_t size, off64_t offset) {
  struct stat status {};
  if (::fstat(file, &status) != 0) return;
  Unsynced write{offset, std::string(size, '\0'), status.st_size};
  const ssize_t found = real_pread(file, write.before.data(), size, offset);
  write.before.resize(found > 0 ? static_cast<size_t>(found) : 0);
  Double& self = double_of_process();
  const std::lock_guard lock(self.mutex);
  self.unsynced[path].push_back(std::move(write));
}

int sync_with(const char* name, int file) {
  const std::string path = store_path(file);
  if (!path.empty() && hit(storm::kSync)) return -1;
  const int status = next<int (*)(int)>(name)(file);
  if (status == 0 && !path.empty()) {
    Double& self = double_of_process();
    const std::lock_guard lock(self.mutex);
    self.unsynced.erase(path);
  }
  return status;
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* time) {
  static const auto call = next<int (*)(clockid_t, timespec*)>("clock_gettime");
  const int status = call(clock, time);
  const Orders* const given = orders();
  if (status != 0 || clock != CLOCK_REALTIME || !given) return status;
  const int64_t now = time->tv_sec * kNanoseconds + time->tv_nsec + given->clock_offset_ns;
  time->tv_sec = now / kNanoseconds;
  time->tv_nsec = now % kNanoseconds;
  return 0;
}

int fsync(int file) {
  return sync_with("fsync", file);
}

int fdatasync(int file) {
  return sync_with("fdatasync", file);
}

ssize_t pwrite64(int file, const void* bytes, size_t size, off64_t offset) {
  const std::string path = store_path(file);
  if (!path.empty()) {
    if (hit(storm::kWrite)) return -1;
    remember(file, path, size, offset);
  }
  return real_pwrite(file, bytes, size, offset);
}

ssize_t pread64(int file, void* bytes, size_t size, off64_t offset) {
  if (!store_path(file).empty() && hit(storm::kRead)) return -1;
  return real_pread(file, bytes, size, offset);
}

}  // extern "C"
